// Package workflow runs the jobs that need an engine, a server or a broker: Train goes from scans to a run directory,
// Infer from a model and a scan to an object with its pictures. It opens what the other packages offer and holds no
// algorithm of its own. A command with one stage calls the package of that stage instead: convert, evaluate, inspect,
// simulate, validate.
package workflow

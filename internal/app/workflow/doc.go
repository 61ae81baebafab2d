// Package workflow runs whole jobs: Train goes from files to a run directory, Infer from a model and a scan to an object
// with its pictures. It opens the engines, readers and writers of the other packages and holds no algorithm of its own;
// a command is flags plus one call here.
package workflow

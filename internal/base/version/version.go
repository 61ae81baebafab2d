// Package version holds the version of ptyx, which it prints and writes into model files. It is a constant, not a stamp
// of the build, so that two builds of the same sources write the same bytes.
package version

// String is the version, as CHANGELOG.md and CITATION.cff give it.
const String = "0.1.0"

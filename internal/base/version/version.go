// Package version holds the version that ptyx prints and writes into model files. It is a constant, not a build stamp,
// so that two builds of the same sources write the same bytes.
package version

// String is the version.
const String = "0.1.0"

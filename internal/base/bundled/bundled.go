// Package bundled holds the shared libraries that a build for other machines carries inside the program: `make dist`
// builds with the tag bundled and puts ONNX Runtime and HDF5 in. A plain build has none, and every Path of it fails
// with ErrNone.
//
// A library is given to the system's loader as a file in memory, sealed against change; nothing is written to a disk,
// and nothing is left behind. Packages runtime and hdf5 ask here before they search the machine.
package bundled

import "errors"

// Library names a library that may be inside the program.
type Library string

// The libraries.
const (
	ONNXRuntime Library = "libonnxruntime"
	HDF5        Library = "libhdf5"
)

// ErrNone is the error of a program that does not hold the library.
var ErrNone = errors.New("the program holds no such library")

// Path is a path by which the loader of this process opens the library, valid until the process ends. The first call
// for a library makes the file in memory. The error is ErrNone, or that of a system which refuses files in memory.
func Path(l Library) (string, error) { return path(l) }

// Package bundled holds the shared libraries that a build for other machines carries inside the program. `make dist`
// builds with the tag bundled, which embeds ONNX Runtime and HDF5. A plain build holds none, and Path returns ErrNone.
//
// The system's loader gets a library as a file in memory, so that the program writes nothing to a disk. Packages
// runtime and hdf5 call Path before they search the machine.
package bundled

import "errors"

// Library is the name of a library that may be inside the program.
type Library string

// The libraries that the program may hold.
const (
	ONNXRuntime Library = "libonnxruntime"
	HDF5        Library = "libhdf5"
)

// ErrNone is the error of a program that does not hold the library.
var ErrNone = errors.New("the program holds no such library")

// Path is a path from which the loader of this process opens the library, valid until the process ends. The first call
// for a library makes the file in memory. The error is ErrNone, or that of a system that refuses files in memory.
func Path(l Library) (string, error) { return path(l) }

package trainer

import (
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	ort "ptyx/runtime"
)

// Scan is a measured scan: patterns (M, N, N), positions in object pixels, a probe (N, N).
type Scan = dataset.Scan

// ScanOptions say how to read a scan file: what the patterns are, which part of the detector, where the probe is.
type ScanOptions = dataset.Options

// View is the part of ScanOptions about the detector and the axes: crop, binning, flips, units.
type View = dataset.View

// Crop is the square of the detector that a View keeps.
type Crop = dataset.Crop

// Array is a dense array of float32.
type Array = ndarray.Float32

// ComplexArray is a dense array of complex64.
type ComplexArray = ndarray.Complex64

// Model is an ONNX file. Its method Marshal gives the bytes.
type Model = onnxir.Model

// InputError is a fault of a scan or a setting.
type InputError = badinput.Error

// Engine computes training steps. Tape and ONNXRuntime make one.
type Engine = engine.Engine

// Executable is a program that an Engine has compiled.
type Executable = engine.Executable

// Binding is an Executable with its arrays.
type Binding = engine.Binding

// OpenScan opens a scan file: NPZ, CXI or HDF5. The patterns are read later. The caller closes it. A file that breaks
// the contract of docs/files.md gives an *InputError that names the file, the array, what was found and what was
// expected.
func OpenScan(path string, options ScanOptions) (*Scan, error) { return dataset.Open(path, options) }

// Tape is the reference engine: Gorgonia's tape machine, which needs no library.
func Tape() Engine { return engine.Tape{} }

// ONNXRuntime is the fast engine. The caller keeps env open while training.
func ONNXRuntime(env *ort.Environment, options ort.SessionOptions) Engine {
	return engine.NewORT(env, options)
}

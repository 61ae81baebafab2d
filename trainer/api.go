package trainer

import (
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	ort "ptyx/runtime"
)

// These names let callers outside this module write the types of a Request and a Result.
type (
	Scan         = dataset.Scan
	Engine       = engine.Engine
	Array        = ndarray.Float32   // a dense array of float32
	ComplexArray = ndarray.Complex64 // a dense array of complex64
	Model        = onnxir.Model      // an ONNX file; Marshal gives its bytes
	InputError   = badinput.Error    // a fault of a scan or a setting
)

// OpenScan opens a scan file: NPZ, CXI or HDF5. The patterns are read later. The caller closes it. A file that breaks
// the contract of docs/contract.md gives an error that names the file, the array, what was found and what was expected.
func OpenScan(path string) (*Scan, error) { return dataset.Open(path, dataset.Options{}) }

// Tape is the reference engine: Gorgonia's tape machine, which needs no library.
func Tape() Engine { return engine.Tape{} }

// ONNXRuntime is the fast engine. The caller keeps env open while training.
func ONNXRuntime(env *ort.Environment, options ort.SessionOptions) Engine {
	return engine.NewORT(env, options)
}

// Package predict runs a trained network on batches of patterns. A Predictor is a network loaded from a checkpoint, a
// Batch the same network bound to input and output arrays of one batch size. Packages reconstruct, serve, cluster and
// watch fill the batches and stitch the patches that come out.
//
// ORT is the predictor over ONNX Runtime. Package predict/local adds one over Gorgonia, which a node beside the
// detector does not link, and opens the one that the user chose.
package predict

import (
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
)

// Predictor runs a network on batches of patterns.
type Predictor interface {
	// Prepare binds the network to arrays for b samples. Batches of one Predictor are used one at a time.
	Prepare(b int) (Batch, error)
	// Provider names the device that computes: "CPUExecutionProvider", "CUDAExecutionProvider", "tape".
	Provider() string
	// Fallback is why the device auto became the CPU although CUDA is there. Otherwise it is empty.
	Fallback() string
	Close() error
}

// Batch is a network bound to its arrays.
type Batch interface {
	// Patterns is the input (B, C, N, N), raw amplitudes. The caller fills it before Run.
	Patterns() *ndarray.Float32
	// Offsets is the input (B, 2), the subpixel part (x, y) of each position in pixels; nil if the network takes none.
	// The caller fills it before Run.
	Offsets() *ndarray.Float32
	// Run computes the two outputs, (B, C, N, N) each; see Complex. The next Run overwrites them.
	Run() (first, second *ndarray.Float32, err error)
	Close() error
}

// NotAPredictor is the error for a model whose graph contradicts its metadata. It names no file; a caller that knows
// the path adds it.
func NotAPredictor(found string) error {
	return &badinput.Error{
		Key: "graph", Found: found,
		Expected: "patterns (batch, C, N, N) in, amplitude and phase of that shape out, as the metadata say",
		Remedy:   "the file is damaged or was edited; export it again",
	}
}

// Request is one caller's share of a batch: its patterns, samples of C * N * N values, and the arrays of the same
// length that receive the two outputs.
type Request struct {
	Patterns      []float32
	Offsets       []float32 // (samples, 2), see Batch.Offsets; nil: 0
	First, Second []float32
}

// Values counts the values of a batch's patterns.
func Values(batch []Request) (n int) {
	for _, r := range batch {
		n += len(r.Patterns)
	}
	return n
}

// Distribute copies the outputs of a batch, in the order of its requests, to their arrays.
func Distribute(batch []Request, first, second []float32) {
	at := 0
	for _, r := range batch {
		copy(r.First, first[at:])
		at += copy(r.Second, second[at:])
	}
}

// Complex writes the object patches that the two outputs of a network are, element by element.
func Complex(c contract.Contract, first, second []float32, out []complex64) {
	if c.Cartesian() {
		for i, re := range first {
			out[i] = complex(re, second[i])
		}
		return
	}
	for i, amplitude := range first {
		sin, cos := math.Sincos(float64(second[i]))
		out[i] = complex(amplitude*float32(cos), amplitude*float32(sin))
	}
}

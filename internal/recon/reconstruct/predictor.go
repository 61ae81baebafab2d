// Package reconstruct turns the patterns of a scan into its object: frames are read as they are needed, a Predictor makes
// patches of them, the patches are stitched, and the Result is written with its pictures. It is what a node beside the
// detector runs: it imports no Gorgonia; the engine comes in as a Predictor, of which ORT is one.
package reconstruct

import (
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

// Predictor runs a network on batches of patterns.
type Predictor interface {
	// Prepare returns a Batch for b samples. Batches of one Predictor are used one at a time.
	Prepare(b int) (Batch, error)
	// Provider names what computes: "CPUExecutionProvider", "CUDAExecutionProvider", "tape".
	Provider() string
	Close() error
}

// Batch is a network bound to arrays.
type Batch interface {
	// Patterns is the input (B, C, N, N), raw amplitudes, filled by the caller before Run.
	Patterns() *ndarray.Float32
	// Run computes amplitude and phase, (B, C, N, N) each; they are overwritten by the next Run.
	Run() (amplitude, phase *ndarray.Float32, err error)
	Close() error
}

// NotAPredictor is the complaint about a model whose graph is not what its metadata promise. It has no file name: what
// knows the path adds it.
func NotAPredictor(found string) error {
	return &badinput.Error{Key: "graph", Found: found, Expected: "patterns (batch, C, N, N) in, amplitude and phase of that shape out, as the metadata say",
		Remedy: "the file is damaged or was edited; export it again"}
}

// Piece are patterns of one owner in a batch of several, samples of C * N * N values, and where their patches go, in arrays of the same length.
type Piece struct {
	Patterns         []float32
	Amplitude, Phase []float32
}

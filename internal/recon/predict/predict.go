// Package predict runs a trained network on batches of patterns. A Predictor is a network loaded from a checkpoint, a
// Batch the same network bound to input and output arrays of one batch size. Packages reconstruct, serve, cluster and
// watch fill the batches and stitch the patches that come out.
//
// ORT is the predictor over ONNX Runtime. Package predict/local adds one over Gorgonia, which a node beside the
// detector does not link, and opens the one that the user chose.
package predict

import (
	"errors"
	"math"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
)

// Predictor runs a network on batches of patterns.
type Predictor interface {
	// Prepare binds the network to arrays for b samples. Several goroutines may each run a batch of their own.
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
	// Run computes the two outputs of the object, (B, C, N, N) each; see Complex. The next Run overwrites them.
	Run() (first, second *ndarray.Float32, err error)
	Close() error
}

// ProbeTaker is a Predictor that can also take probes with the patterns.
type ProbeTaker interface {
	Predictor
	// PrepareProbes is Prepare with an input for the given number of probes, 1 or b. If the network takes no probe, the
	// error is ErrNoProbe.
	PrepareProbes(b, probes int) (ProbeBatch, error)
}

// ProbeBatch is a Batch with an input for probes.
type ProbeBatch interface {
	Batch
	// Probes are the inputs (1 or B, C, N, N), real and imaginary part of the probe of all patterns, or of each; nil if
	// the network uses its own probe. The caller fills them before Run.
	Probes() (re, im *ndarray.Float32)
}

// VarianceBatch is a Batch of a predictor whose network may have an output for the variance.
type VarianceBatch interface {
	Batch
	// LogVariance is the natural logarithm of the variance of the object of the last Run, (B, C, N, N): the mean of
	// |error|^2, real and imaginary part together. It is nil if the network has no such output. The next Run overwrites
	// it.
	LogVariance() *ndarray.Float32
}

// LogVariance is that of a batch, nil if there is none.
func LogVariance(b Batch) *ndarray.Float32 {
	if with, ok := b.(VarianceBatch); ok {
		return with.LogVariance()
	}
	return nil
}

// ErrNoProbe is the error for a probe that is given to a network that takes none.
var ErrNoProbe = errors.New("the network takes no probe with the patterns")

// MaxOffset is the largest magnitude of an offset in pixels: further positions round to another pixel.
const MaxOffset = 0.5

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
	Probe         Probe     // a request with a probe shares its batch with no other
	First, Second []float32
	// LogVariance receives the third output, see VarianceBatch. Nil: it is not needed, or there is none.
	LogVariance []float32
}

// Probe is the real and the imaginary part of a probe for all samples, C * N * N values each, or of one for each
// sample. The zero value stands for the probe of the model.
type Probe struct{ Re, Im []float32 }

// ProbeOf is the Probe for all samples of a probe (N, N).
func ProbeOf(probe *ndarray.Complex64) Probe {
	p := Probe{Re: make([]float32, len(probe.Data)), Im: make([]float32, len(probe.Data))}
	for i, v := range probe.Data {
		p.Re[i], p.Im[i] = real(v), imag(v)
	}
	return p
}

// Count is the number of probes, 0 or more; sample is the number of values of a sample.
func (p Probe) Count(sample int) int { return len(p.Re) / sample }

// Part is the request of the samples [from, to); sample is the number of values of one.
func (r Request) Part(from, to, sample int) Request {
	of := func(values []float32, each int) []float32 {
		if values == nil {
			return nil
		}
		return values[from*each : to*each]
	}
	part := Request{
		Patterns: of(r.Patterns, sample), Offsets: of(r.Offsets, 2), Probe: r.Probe,
		First: of(r.First, sample), Second: of(r.Second, sample), LogVariance: of(r.LogVariance, sample),
	}
	if r.Probe.Count(sample) > 1 {
		part.Probe = Probe{Re: of(r.Probe.Re, sample), Im: of(r.Probe.Im, sample)}
	}
	return part
}

// Values counts the values of a batch's patterns.
func Values(batch []Request) (n int) {
	for _, r := range batch {
		n += len(r.Patterns)
	}
	return n
}

// Distribute copies the outputs of a batch, in the order of its requests, to their arrays. logVariance may be nil.
func Distribute(batch []Request, first, second, logVariance []float32) {
	at := 0
	for _, r := range batch {
		if logVariance != nil {
			copy(r.LogVariance, logVariance[at:])
		}
		copy(r.First, first[at:])
		at += copy(r.Second, second[at:])
	}
}

// NeedsVariance reports whether any request of a batch needs the variance.
func NeedsVariance(batch []Request) bool {
	return slices.ContainsFunc(batch, func(r Request) bool { return r.LogVariance != nil })
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

package predict

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	ort "ptyx/runtime"
)

// ORT is the predictor over ONNX Runtime.
type ORT struct {
	session *ort.Session
	// probes is the session whose bindings also feed the probe, nil until it is needed: ONNX Runtime fixes the list of
	// inputs when a session is created. open creates it; nil if the network takes no probe.
	probes *ort.Session
	open   func() (*ort.Session, error)
	mu     sync.Mutex // held while probes is read or set
}

// NewORT creates a session for the bytes of a checkpoint, which may be hostile. ONNX Runtime's parser and operators are
// C++, so package onnxir reads and checks the model first and ONNX Runtime gets a model written from the result. A
// refused model is a *badinput.Error with the key graph.
func NewORT(env *ort.Environment, model []byte, o ort.SessionOptions) (*ORT, error) {
	model, err := Admitted(model)
	if err != nil {
		return nil, err
	}
	signature, err := onnxir.ReadSignature(model)
	if err != nil {
		return nil, err
	}
	has := func(name string) bool {
		return slices.ContainsFunc(signature.Optional, func(v onnxir.ValueInfo) bool { return v.Name == name })
	}
	if has(contract.OffsetInput) {
		o.Optional = append(o.Optional, contract.OffsetInput)
	}
	o.NoMemPattern = true // it would keep a second set of buffers and saves no time (docs/dev/performance.md)
	s, err := newSession(env, model, o)
	if err != nil {
		return nil, err
	}
	p := &ORT{session: s}
	if has(contract.OffsetInput) && has(contract.ProbeReInput) && has(contract.ProbeImInput) {
		o.Optional = []string{contract.OffsetInput, contract.ProbeReInput, contract.ProbeImInput}
		p.open = func() (*ort.Session, error) { return newSession(env, model, o) }
	}
	return p, nil
}

func newSession(env *ort.Environment, model []byte, o ort.SessionOptions) (*ort.Session, error) {
	s, err := env.NewSession(model, o)
	if err != nil {
		return nil, fmt.Errorf("loading the model: %w", err)
	}
	if err := checkSignature(s.Inputs(), s.Outputs()); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// checkSignature accepts one input (B, C, N, N) and two outputs of that shape, or three with the variance. Offsets
// (B, 2) may follow the input, and the two parts of the probe (B, C, N, N) the offsets.
func checkSignature(inputs, outputs []ort.TensorInfo) error {
	images := outputs
	if len(inputs) > 1 && len(inputs[1].Shape) == 2 && inputs[1].Shape[1] == 2 {
		images = slices.Concat(outputs, inputs[2:])
		inputs = inputs[:1]
	}
	hasVariance := len(outputs) == 3 && outputs[2].Name == contract.LogVarianceOutput
	if len(inputs) != 1 || len(outputs) != 2 && !hasVariance {
		return NotAPredictor(fmt.Sprintf("%d inputs and %d outputs", len(inputs), len(outputs)))
	}
	in := inputs[0].Shape
	for _, image := range append(images, inputs[0]) {
		shape := image.Shape
		if len(shape) != 4 || !slices.Equal(shape[1:], in[1:]) || slices.Min(shape[1:]) < 1 {
			return NotAPredictor(fmt.Sprintf("input %v, and %s of shape %v", in, image.Name, shape))
		}
	}
	return nil
}

// Admitted checks that a model may be run here and returns it written anew. The error of a refused model is a
// *badinput.Error with the key graph.
func Admitted(model []byte) ([]byte, error) {
	m, err := onnxir.Unmarshal(model)
	if err == nil {
		err = onnxir.Admit(m)
	}
	if err != nil {
		return nil, &badinput.Error{
			Key: "graph", Found: "a model that ptyx refuses to run", Expected: "a checkpoint of ptyx train", Cause: err,
			Remedy: "export it again",
		}
	}
	return m.Marshal(), nil
}

// Provider is ONNX Runtime's name for the device that computes.
func (o *ORT) Provider() string { return o.session.Provider() }

// Fallback is why auto took the CPU although CUDA is there. Otherwise it is empty.
func (o *ORT) Fallback() string { return o.session.Fallback() }

// Close closes the sessions.
func (o *ORT) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.probes == nil {
		return o.session.Close()
	}
	return errors.Join(o.probes.Close(), o.session.Close())
}

// Prepare binds arrays for b samples. If the model takes only one batch size, Run splits b into parts of that size.
func (o *ORT) Prepare(b int) (Batch, error) { return prepare(o.session, b, 0) }

// PrepareProbes is Prepare with an input for probes.
func (o *ORT) PrepareProbes(b, probes int) (ProbeBatch, error) {
	if o.open == nil {
		return nil, ErrNoProbe
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.probes == nil {
		s, err := o.open()
		if err != nil {
			return nil, err
		}
		o.probes = s
	}
	return prepare(o.probes, b, probes)
}

func prepare(s *ort.Session, b, probes int) (ProbeBatch, error) {
	fixed := s.Inputs()[0].Shape[0]
	if fixed <= 0 || fixed == b {
		return bind(s, newArrays(s, b, probes))
	}
	own := probes // of a part: as many as the batch, or one for all
	if own > 1 {
		own = fixed
	}
	part, err := bind(s, newArrays(s, fixed, own))
	if err != nil {
		return nil, err
	}
	return &splitBatch{part: part, arrays: newArrays(s, b, probes)}, nil
}

func bind(s *ort.Session, a arrays) (*ortBatch, error) {
	outputs := []*ndarray.Float32{a.first, a.second, a.logVariance}
	binding, err := s.Bind(a.inputs(), outputs[:len(s.Outputs())])
	if err != nil {
		return nil, err
	}
	return &ortBatch{arrays: a, binding: binding}, nil
}

// arrays are the inputs and the outputs of a batch: offsets (B, 2), probes (1 or B, C, N, N), and the others
// (B, C, N, N). Offsets, probes and the logarithm of the variance may be nil.
type arrays struct{ patterns, offsets, probeRe, probeIm, first, second, logVariance *ndarray.Float32 }

func newArrays(s *ort.Session, b, probes int) arrays {
	image := func(count int) *ndarray.Float32 {
		return ndarray.New[float32](append([]int{count}, s.Inputs()[0].Shape[1:]...)...)
	}
	a := arrays{patterns: image(b), first: image(b), second: image(b)}
	if len(s.Inputs()) > 1 {
		a.offsets = ndarray.New[float32](b, 2)
	}
	if probes > 0 {
		a.probeRe, a.probeIm = image(probes), image(probes)
	}
	if len(s.Outputs()) > 2 {
		a.logVariance = image(b)
	}
	return a
}

// inputs are those that the session is fed with, in its order.
func (a arrays) inputs() (list []*ndarray.Float32) {
	for _, in := range []*ndarray.Float32{a.patterns, a.offsets, a.probeRe, a.probeIm} {
		if in != nil {
			list = append(list, in)
		}
	}
	return list
}

func (a arrays) Patterns() *ndarray.Float32 { return a.patterns }

func (a arrays) Offsets() *ndarray.Float32 { return a.offsets }

func (a arrays) Probes() (re, im *ndarray.Float32) { return a.probeRe, a.probeIm }

func (a arrays) LogVariance() *ndarray.Float32 { return a.logVariance }

type ortBatch struct {
	arrays
	binding *ort.Binding
}

func (b *ortBatch) Run() (first, second *ndarray.Float32, err error) {
	return b.first, b.second, b.binding.Run()
}

func (b *ortBatch) Close() error { return b.binding.Close() }

// splitBatch runs a batch in parts of the model's own batch size; the last part is padded with zeros.
type splitBatch struct {
	arrays
	part *ortBatch
}

func (b *splitBatch) Run() (first, second *ndarray.Float32, err error) {
	samples, step := b.patterns.Shape[0], b.part.patterns.Shape[0]
	parts := b.part.inputs()
	for start := 0; start < samples; start += step {
		end := min(start+step, samples)
		for i, in := range b.inputs() {
			if in == b.probeRe || in == b.probeIm {
				copyProbes(parts[i], in, start, end)
				continue
			}
			copySamples(parts[i], in, start, end)
		}
		first, second, err := b.part.Run()
		if err != nil {
			return nil, nil, err
		}
		image := len(b.patterns.Data) / samples
		copy(b.first.Data[start*image:end*image], first.Data)
		copy(b.second.Data[start*image:end*image], second.Data)
		if b.logVariance != nil {
			copy(b.logVariance.Data[start*image:end*image], b.part.logVariance.Data)
		}
	}
	return b.first, b.second, nil
}

// copySamples copies the samples [from, to), or the only one of an array for all samples, and clears the rest.
func copySamples(to, from *ndarray.Float32, start, end int) {
	if from.Shape[0] == 1 {
		start, end = 0, 1
	}
	sample := len(from.Data) / from.Shape[0]
	copied := copy(to.Data, from.Data[start*sample:end*sample])
	clear(to.Data[copied:])
}

// copyProbes fills a part with the probes of its samples, the last one repeated: a probe of zeros would divide by 0.
func copyProbes(to, from *ndarray.Float32, start, end int) {
	copySamples(to, from, start, end)
	sample := len(to.Data) / to.Shape[0]
	for at := (end - start) * sample; from.Shape[0] > 1 && at < len(to.Data); at += sample {
		copy(to.Data[at:at+sample], to.Data[at-sample:at])
	}
}

func (b *splitBatch) Close() error { return b.part.Close() }

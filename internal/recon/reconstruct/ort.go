package reconstruct

import (
	"fmt"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
	"ptyx/runtime"
)

// ORT is the predictor over ONNX Runtime.
type ORT struct {
	session *runtime.Session
}

// NewORT creates a session for the bytes of a checkpoint, which may come from anybody: they are read and admitted by package onnxir
// first, and ONNX Runtime, whose parser and operators are C++, sees what that has understood. What is refused is a *badinput.Error
// with the key graph.
func NewORT(env *runtime.Environment, model []byte, o runtime.SessionOptions) (*ORT, error) {
	model, err := Admitted(model)
	if err != nil {
		return nil, err
	}
	o.NoMemPattern = true // it would keep a second set of buffers, and gains no time here (docs/dev/performance.md)
	s, err := env.NewSession(model, o)
	if err != nil {
		return nil, fmt.Errorf("loading the model: %w", err)
	}
	if len(s.Inputs()) != 1 || len(s.Outputs()) != 2 {
		_ = s.Close()
		return nil, NotAPredictor(fmt.Sprintf("%d inputs and %d outputs", len(s.Inputs()), len(s.Outputs())))
	}
	shapes := []any{s.Inputs()[0].Shape, s.Outputs()[0].Shape, s.Outputs()[1].Shape}
	for _, shape := range [][]int{s.Inputs()[0].Shape, s.Outputs()[0].Shape, s.Outputs()[1].Shape} {
		if len(shape) != 4 || !slices.Equal(shape[1:], s.Inputs()[0].Shape[1:]) || slices.Min(shape[1:]) < 1 {
			_ = s.Close()
			return nil, NotAPredictor(fmt.Sprintf("input %v, outputs %v and %v", shapes...))
		}
	}
	return &ORT{session: s}, nil
}

// Admitted writes a model anew, if it may be run; otherwise the error is a *badinput.Error with the key graph.
func Admitted(model []byte) ([]byte, error) {
	m, err := onnxir.Unmarshal(model)
	if err == nil {
		err = onnxir.Admit(m)
	}
	if err != nil {
		return nil, &badinput.Error{Key: "graph", Found: "a model that is not run here", Expected: "a checkpoint of ptyx train", Cause: err, Remedy: "export it again"}
	}
	return m.Marshal(), nil
}

// Provider is ONNX Runtime's name of what computes.
func (o *ORT) Provider() string { return o.session.Provider() }

// Close closes the session.
func (o *ORT) Close() error { return o.session.Close() }

// Prepare binds arrays for b samples. A model that takes a batch of its own size only is run as often as it takes.
func (o *ORT) Prepare(b int) (Batch, error) {
	if fixed := o.session.Inputs()[0].Shape[0]; fixed > 0 && fixed != b {
		return o.prepareInParts(b, fixed)
	}
	return o.prepare(b)
}

func (o *ORT) prepare(b int) (*ortBatch, error) {
	batch := &ortBatch{patterns: o.array(b), amplitude: o.array(b), phase: o.array(b)}
	var err error
	if batch.binding, err = o.session.Bind([]*ndarray.Float32{batch.patterns}, []*ndarray.Float32{batch.amplitude, batch.phase}); err != nil {
		return nil, err
	}
	return batch, nil
}

// array is room for b samples, (B, C, N, N).
func (o *ORT) array(b int) *ndarray.Float32 {
	return ndarray.New[float32](append([]int{b}, o.session.Inputs()[0].Shape[1:]...)...)
}

type ortBatch struct {
	patterns, amplitude, phase *ndarray.Float32
	binding                    *runtime.Binding
}

func (b *ortBatch) Patterns() *ndarray.Float32 { return b.patterns }

func (b *ortBatch) Run() (amplitude, phase *ndarray.Float32, err error) {
	return b.amplitude, b.phase, b.binding.Run()
}

func (b *ortBatch) Close() error { return b.binding.Close() }

func (o *ORT) prepareInParts(b, fixed int) (Batch, error) {
	part, err := o.prepare(fixed)
	if err != nil {
		return nil, err
	}
	return &partedBatch{part: part, patterns: o.array(b), amplitude: o.array(b), phase: o.array(b)}, nil
}

// partedBatch runs a batch of another size than the model's in parts; the last one is filled up with darkness.
type partedBatch struct {
	part                       *ortBatch
	patterns, amplitude, phase *ndarray.Float32
}

func (b *partedBatch) Patterns() *ndarray.Float32 { return b.patterns }

func (b *partedBatch) Run() (amplitude, phase *ndarray.Float32, err error) {
	step := len(b.part.patterns.Data)
	for start := 0; start < len(b.patterns.Data); start += step {
		end := min(start+step, len(b.patterns.Data))
		copied := copy(b.part.patterns.Data, b.patterns.Data[start:end])
		clear(b.part.patterns.Data[copied:])
		a, p, err := b.part.Run()
		if err != nil {
			return nil, nil, err
		}
		copy(b.amplitude.Data[start:end], a.Data)
		copy(b.phase.Data[start:end], p.Data)
	}
	return b.amplitude, b.phase, nil
}

func (b *partedBatch) Close() error { return b.part.Close() }

package reconstruct

import (
	"fmt"
	"slices"

	"ptyx/internal/ndarray"
	"ptyx/runtime"
)

// ORT is the predictor over ONNX Runtime.
type ORT struct {
	session *runtime.Session
}

// NewORT creates a session for a checkpoint.
func NewORT(env *runtime.Environment, model []byte, o runtime.SessionOptions) (*ORT, error) {
	o.NoMemPattern = true // it would keep a second set of buffers, and gains no time here (docs/performance.md)
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

// Provider is ONNX Runtime's name of what computes.
func (o *ORT) Provider() string { return o.session.Provider() }

// Close closes the session.
func (o *ORT) Close() error { return o.session.Close() }

// Prepare binds arrays for b samples.
func (o *ORT) Prepare(b int) (Batch, error) {
	shape := []int{b}
	for _, d := range o.session.Inputs()[0].Shape[1:] {
		shape = append(shape, int(d))
	}
	batch := &ortBatch{
		patterns:  ndarray.New[float32](shape...),
		amplitude: ndarray.New[float32](shape...),
		phase:     ndarray.New[float32](shape...),
	}
	var err error
	if batch.binding, err = o.session.Bind([]*ndarray.Float32{batch.patterns}, []*ndarray.Float32{batch.amplitude, batch.phase}); err != nil {
		return nil, err
	}
	return batch, nil
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

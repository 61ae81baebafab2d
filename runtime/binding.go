package runtime

import (
	"fmt"
	goruntime "runtime"

	ort "github.com/yalue/onnxruntime_go"

	"ptyx/internal/ndarray"
)

// Binding is a session with its arrays. ONNX Runtime reads and writes the Go arrays in place, which are pinned until the
// binding is closed.
type Binding struct {
	session         *Session
	inputs, outputs []ort.Value
	scalars         []scalar
	pinner          goruntime.Pinner
}

// scalar is an output of rank 0, which the wrapper keeps for itself: it is copied after each run.
type scalar struct {
	from *ort.Scalar[float32]
	to   *ndarray.Float32
}

// Bind fixes arrays for the session's inputs and outputs, in their order. Shapes are checked against the model.
func (s *Session) Bind(inputs, outputs []*ndarray.Float32) (*Binding, error) {
	b := &Binding{session: s}
	var err error
	if b.inputs, err = b.wrap("input", s.inputs, inputs, false); err == nil {
		b.outputs, err = b.wrap("output", s.outputs, outputs, true)
	}
	if err != nil {
		_ = b.Close()
		return nil, err
	}
	return b, nil
}

func (b *Binding) wrap(what string, infos []TensorInfo, arrays []*ndarray.Float32, output bool) ([]ort.Value, error) {
	if len(infos) != len(arrays) {
		return nil, fmt.Errorf("binding %d %ss to a model of %d", len(arrays), what, len(infos))
	}
	var values []ort.Value
	for i, a := range arrays {
		if !fits(infos[i].Shape, a.Shape) {
			return values, fmt.Errorf("binding %s %s: shape %v, the model has %v", what, infos[i].Name, a.Shape, infos[i].Shape)
		}
		v, err := b.value(a, output)
		if err != nil {
			return values, fmt.Errorf("binding %s %s: %w", what, infos[i].Name, err)
		}
		values = append(values, v)
	}
	return values, nil
}

// fits compares an array's shape with a model's, where -1 takes anything.
func fits(model []int64, shape []int) bool {
	if len(model) != len(shape) {
		return false
	}
	for i, d := range model {
		if d >= 0 && d != int64(shape[i]) {
			return false
		}
	}
	return true
}

func (b *Binding) value(a *ndarray.Float32, output bool) (ort.Value, error) {
	if len(a.Shape) == 0 {
		if !output {
			return ort.NewScalar(a.Data[0])
		}
		v, err := ort.NewEmptyScalar[float32]()
		if err == nil {
			b.scalars = append(b.scalars, scalar{from: v, to: a})
		}
		return v, err
	}
	if len(a.Data) == 0 {
		return nil, fmt.Errorf("the array is empty")
	}
	shape := make(ort.Shape, len(a.Shape))
	for i, d := range a.Shape {
		shape[i] = int64(d)
	}
	b.pinner.Pin(&a.Data[0])
	return ort.NewTensor(shape, a.Data)
}

// Run computes the outputs from the inputs as they are now.
func (b *Binding) Run() error {
	if err := b.session.session.Run(b.inputs, b.outputs); err != nil {
		return fmt.Errorf("running on %s: %w", b.session.provider, err)
	}
	for _, s := range b.scalars {
		s.to.Data[0] = s.from.GetData()
	}
	return nil
}

// Close unpins the arrays. Closing twice does nothing.
func (b *Binding) Close() error {
	var first error
	for _, v := range append(b.inputs, b.outputs...) {
		if err := v.Destroy(); err != nil && first == nil {
			first = err
		}
	}
	b.inputs, b.outputs = nil, nil
	b.pinner.Unpin()
	return first
}

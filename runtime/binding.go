package runtime

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"strconv"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"ptyx/internal/base/ndarray"
)

// Binding ties a session to arrays. Run reads the inputs and overwrites the outputs. One binding must not run in two
// goroutines at once, because both would write the same outputs; two bindings of one session may.
type Binding struct {
	session         *Session
	pinner          goruntime.Pinner // ONNX Runtime keeps the addresses of the arrays' data
	inputs, outputs []ort.Value
	scalars         []boundScalar
}

// boundScalar is an array of rank 0. The wrapper cannot wrap Go memory as a scalar, so each run copies it.
type boundScalar struct {
	array  *Array
	values []ort.Value // the slice that holds it: inputs or outputs
	index  int
	input  bool
}

// Bind ties the session to arrays in the order of Inputs and Outputs. It does not copy them: they must keep their shape
// and their Data slice until Close. Their values may change between runs.
func (s *Session) Bind(inputs, outputs []*Array) (*Binding, error) {
	if err := checkArrays("input", s.inputs, inputs); err != nil {
		return nil, err
	}
	if err := checkArrays("output", s.outputs, outputs); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		return nil, errors.New("binding arrays: the session is closed")
	}
	b := &Binding{
		session: s, inputs: make([]ort.Value, len(inputs)), outputs: make([]ort.Value, len(outputs)),
	}
	if err := errors.Join(b.wrap(inputs, b.inputs, true), b.wrap(outputs, b.outputs, false)); err != nil {
		b.free()
		return nil, fmt.Errorf("binding arrays: %w", err)
	}
	s.bindings[b] = struct{}{}
	return b, nil
}

// checkArrays compares arrays with the shapes that the model declares.
func checkArrays(role string, want []TensorInfo, got []*Array) error {
	if len(got) != len(want) {
		list := strings.Join(names(want), ", ")
		return fmt.Errorf("binding arrays: found %d %ss, expected %d: %s", len(got), role, len(want), list)
	}
	for i, w := range want {
		if got[i] == nil {
			return fmt.Errorf("binding %s %q: no array", role, w.Name)
		}
		if !fits(got[i], w.Shape) {
			return fmt.Errorf("binding %s %q: found shape %s with %d elements, expected %s",
				role, w.Name, shapeString(got[i].Shape), len(got[i].Data), shapeString(w.Shape))
		}
	}
	return nil
}

// fits reports whether an array has the declared shape, and as many elements as its own shape.
func fits(a *Array, want []int) bool {
	if len(a.Shape) != len(want) || len(a.Data) == 0 || len(a.Data) != ndarray.Size(a.Shape) {
		return false
	}
	for i, d := range a.Shape {
		if d < 1 || want[i] >= 0 && d != want[i] {
			return false
		}
	}
	return true
}

// shapeString writes "(?, 1, 64, 64)".
func shapeString(shape []int) string {
	var parts []string
	for _, d := range shape {
		if d < 0 {
			parts = append(parts, "?")
			continue
		}
		parts = append(parts, strconv.Itoa(d))
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// wrap creates ONNX Runtime values over arrays.
func (b *Binding) wrap(arrays []*Array, values []ort.Value, input bool) error {
	for i, a := range arrays {
		if len(a.Shape) == 0 {
			scalar, err := ort.NewEmptyScalar[float32]()
			if err != nil {
				return err
			}
			values[i] = scalar
			b.scalars = append(b.scalars, boundScalar{a, values, i, input})
			continue
		}
		shape := make(ort.Shape, len(a.Shape))
		for j, d := range a.Shape {
			shape[j] = int64(d)
		}
		b.pinner.Pin(&a.Data[0])
		tensor, err := ort.NewTensor(shape, a.Data)
		if err != nil {
			return err
		}
		values[i] = tensor
	}
	return nil
}

// Run runs the model once.
func (b *Binding) Run() error {
	b.session.mu.RLock()
	defer b.session.mu.RUnlock()
	if b.session.session == nil || b.inputs == nil {
		return errors.New("running the model: the session or the binding is closed")
	}
	for _, s := range b.scalars {
		if err := s.feed(); err != nil {
			return fmt.Errorf("running the model: %w", err)
		}
	}
	if err := b.session.session.Run(b.inputs, b.outputs); err != nil {
		return fmt.Errorf("running the model on %s: %w", b.session.provider, oneLine(err))
	}
	for _, s := range b.scalars {
		s.fetch()
	}
	return nil
}

// feed creates the value of a scalar input again, since the wrapper's Set would not reach ONNX Runtime.
func (s boundScalar) feed() error {
	if !s.input {
		return nil
	}
	value, err := ort.NewScalar(s.array.Data[0])
	if err != nil {
		return err
	}
	destroy(s.values[s.index])
	s.values[s.index] = value
	return nil
}

// fetch copies a scalar output out.
func (s boundScalar) fetch() {
	if value, ok := s.values[s.index].(*ort.Scalar[float32]); ok && !s.input {
		s.array.Data[0] = value.GetData()
	}
}

// Close frees the binding and releases the arrays. A second Close does nothing. The error is always nil; the signature
// is that of io.Closer.
func (b *Binding) Close() error {
	b.session.mu.Lock()
	defer b.session.mu.Unlock()
	delete(b.session.bindings, b)
	b.free()
	return nil
}

// free is called with the session locked.
func (b *Binding) free() {
	for _, values := range [][]ort.Value{b.inputs, b.outputs} {
		for _, v := range values {
			if v != nil {
				destroy(v)
			}
		}
	}
	b.inputs, b.outputs, b.scalars = nil, nil, nil
	b.pinner.Unpin()
}

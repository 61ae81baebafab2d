package predict

import (
	"fmt"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	ort "ptyx/runtime"
)

// ORT is the predictor over ONNX Runtime.
type ORT struct {
	session *ort.Session
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
	for _, in := range signature.Optional {
		if in.Name == contract.OffsetInput {
			o.Optional = append(o.Optional, in.Name)
		}
	}
	o.NoMemPattern = true // it would keep a second set of buffers and saves no time (docs/dev/performance.md)
	s, err := env.NewSession(model, o)
	if err != nil {
		return nil, fmt.Errorf("loading the model: %w", err)
	}
	if err := checkSignature(s.Inputs(), s.Outputs()); err != nil {
		_ = s.Close()
		return nil, err
	}
	return &ORT{session: s}, nil
}

// checkSignature accepts one input (B, C, N, N) and two outputs of that shape. Offsets (B, 2) may follow the input.
func checkSignature(inputs, outputs []ort.TensorInfo) error {
	if len(inputs) == 2 && len(inputs[1].Shape) == 2 && inputs[1].Shape[1] == 2 {
		inputs = inputs[:1]
	}
	if len(inputs) != 1 || len(outputs) != 2 {
		return NotAPredictor(fmt.Sprintf("%d inputs and %d outputs", len(inputs), len(outputs)))
	}
	in := inputs[0].Shape
	for _, shape := range [][]int{in, outputs[0].Shape, outputs[1].Shape} {
		if len(shape) != 4 || !slices.Equal(shape[1:], in[1:]) || slices.Min(shape[1:]) < 1 {
			return NotAPredictor(fmt.Sprintf("input %v, outputs %v and %v", in, outputs[0].Shape, outputs[1].Shape))
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
			Key: "graph", Found: "a model that is not run here", Expected: "a checkpoint of ptyx train", Cause: err,
			Remedy: "export it again",
		}
	}
	return m.Marshal(), nil
}

// Provider is ONNX Runtime's name for the device that computes.
func (o *ORT) Provider() string { return o.session.Provider() }

// Fallback is why auto took the CPU although CUDA is there. Otherwise it is empty.
func (o *ORT) Fallback() string { return o.session.Fallback() }

// Close closes the session.
func (o *ORT) Close() error { return o.session.Close() }

// Prepare binds arrays for b samples. If the model takes only one batch size, Run splits b into parts of that size.
func (o *ORT) Prepare(b int) (Batch, error) {
	fixed := o.session.Inputs()[0].Shape[0]
	if fixed <= 0 || fixed == b {
		return o.prepare(b)
	}
	part, err := o.prepare(fixed)
	if err != nil {
		return nil, err
	}
	return &splitBatch{part: part, arrays: o.newArrays(b)}, nil
}

func (o *ORT) prepare(b int) (*ortBatch, error) {
	a := o.newArrays(b)
	inputs := []*ndarray.Float32{a.patterns}
	if a.offsets != nil {
		inputs = append(inputs, a.offsets)
	}
	binding, err := o.session.Bind(inputs, []*ndarray.Float32{a.first, a.second})
	if err != nil {
		return nil, err
	}
	return &ortBatch{arrays: a, binding: binding}, nil
}

// arrays are the inputs and the outputs of a batch: offsets (B, 2), or nil, and the others (B, C, N, N).
type arrays struct{ patterns, offsets, first, second *ndarray.Float32 }

func (o *ORT) newArrays(b int) arrays {
	shape := append([]int{b}, o.session.Inputs()[0].Shape[1:]...)
	a := arrays{
		patterns: ndarray.New[float32](shape...), first: ndarray.New[float32](shape...),
		second: ndarray.New[float32](shape...),
	}
	if len(o.session.Inputs()) > 1 {
		a.offsets = ndarray.New[float32](b, 2)
	}
	return a
}

func (a arrays) Patterns() *ndarray.Float32 { return a.patterns }

func (a arrays) Offsets() *ndarray.Float32 { return a.offsets }

type ortBatch struct {
	arrays
	binding *ort.Binding
}

func (b *ortBatch) Run() (first, second *ndarray.Float32, err error) {
	return b.first, b.second, b.binding.Run()
}

func (b *ortBatch) Close() error { return b.binding.Close() }

// splitBatch runs a batch in parts of the model's own batch size; the last part is padded with dark patterns.
type splitBatch struct {
	arrays
	part *ortBatch
}

func (b *splitBatch) Run() (first, second *ndarray.Float32, err error) {
	step := len(b.part.patterns.Data)
	for start := 0; start < len(b.patterns.Data); start += step {
		end := min(start+step, len(b.patterns.Data))
		copied := copy(b.part.patterns.Data, b.patterns.Data[start:end])
		clear(b.part.patterns.Data[copied:])
		if b.offsets != nil {
			image := len(b.patterns.Data) / (len(b.offsets.Data) / 2)
			copied := copy(b.part.offsets.Data, b.offsets.Data[2*start/image:2*end/image])
			clear(b.part.offsets.Data[copied:])
		}
		first, second, err := b.part.Run()
		if err != nil {
			return nil, nil, err
		}
		copy(b.first.Data[start:end], first.Data)
		copy(b.second.Data[start:end], second.Data)
	}
	return b.first, b.second, nil
}

func (b *splitBatch) Close() error { return b.part.Close() }

package local

import (
	"fmt"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/program"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
)

// Tape is the predictor over Gorgonia's tape machine. It reads a checkpoint back into a graph and needs no ONNX
// Runtime.
type Tape struct{ model []byte }

// NewTape takes the bytes of a checkpoint; Prepare reports a damaged one.
func NewTape(model []byte) *Tape { return &Tape{model} }

// Provider is "tape".
func (*Tape) Provider() string { return engine.Tape{}.Name() }

// Fallback is empty.
func (*Tape) Fallback() string { return "" }

// Close does nothing.
func (*Tape) Close() error { return nil }

// Prepare rebuilds the network for a batch of b.
func (t *Tape) Prepare(b int) (predict.Batch, error) {
	program, err := export.Rebuild(t.model, b)
	if err != nil {
		return nil, err
	}
	if err := checkSignature(program); err != nil {
		return nil, err
	}
	exe, err := engine.Tape{}.Compile(program, 1)
	if err != nil {
		return nil, err
	}
	batch := &tapeBatch{input: ndarray.New[float32](program.Inputs[0].Node.Shape()...)}
	inputs := []*ndarray.Float32{batch.input}
	if len(program.Inputs) > 1 {
		batch.offsets = ndarray.New[float32](b, 2)
		inputs = append(inputs, batch.offsets)
	}
	for _, out := range program.Outputs {
		batch.outputs = append(batch.outputs, ndarray.New[float32](out.Node.Shape()...))
	}
	if batch.Binding, err = exe.Bind(inputs, batch.outputs); err != nil {
		return nil, err
	}
	return batch, nil
}

// checkSignature accepts a program with one input and two outputs of its shape. Offsets (B, 2) may follow the input.
func checkSignature(p *program.Program) error {
	ok := len(p.Outputs) == 2 && (len(p.Inputs) == 1 || len(p.Inputs) == 2 && p.Inputs[1].Name == export.OffsetName)
	if ok {
		in := p.Inputs[0].Node.Shape()
		for _, out := range p.Outputs {
			ok = ok && ndarray.SameShape(out.Node.Shape(), in)
		}
	}
	if !ok {
		found := fmt.Sprintf("%d inputs and %d outputs, or outputs of another shape", len(p.Inputs), len(p.Outputs))
		return predict.NotAPredictor(found)
	}
	return nil
}

type tapeBatch struct {
	engine.Binding
	input   *ndarray.Float32
	offsets *ndarray.Float32 // nil: the network takes none
	outputs []*ndarray.Float32
}

func (b *tapeBatch) Patterns() *ndarray.Float32 { return b.input }

func (b *tapeBatch) Offsets() *ndarray.Float32 { return b.offsets }

func (b *tapeBatch) Run() (first, second *ndarray.Float32, err error) {
	return b.outputs[0], b.outputs[1], b.Binding.Run()
}

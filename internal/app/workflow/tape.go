package workflow

import (
	"fmt"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/program"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
)

// tapePredictor runs a checkpoint on the tape machine: the file is read back into a graph, so inference needs no ONNX
// Runtime.
type tapePredictor struct{ model []byte }

// newTapePredictor takes the bytes of a checkpoint.
func newTapePredictor(model []byte) *tapePredictor { return &tapePredictor{model} }

// Provider is "tape".
func (*tapePredictor) Provider() string { return engine.Tape{}.Name() }

// Close does nothing.
func (*tapePredictor) Close() error { return nil }

// Prepare rebuilds the network for a batch of b.
func (p *tapePredictor) Prepare(b int) (reconstruct.Batch, error) {
	program, err := export.Rebuild(p.model, b)
	if err != nil {
		return nil, err
	}
	if err := isPredictor(program); err != nil {
		return nil, err
	}
	exe, err := engine.Tape{}.Compile(program, 1)
	if err != nil {
		return nil, err
	}
	batch := &tapeBatch{input: ndarray.New[float32](program.Inputs[0].Node.Shape()...)}
	for _, out := range program.Outputs {
		batch.outputs = append(batch.outputs, ndarray.New[float32](out.Node.Shape()...))
	}
	if batch.binding, err = exe.Bind([]*ndarray.Float32{batch.input}, batch.outputs); err != nil {
		return nil, err
	}
	return batch, nil
}

// isPredictor checks that a program takes patterns and gives two images of their shape.
func isPredictor(p *program.Program) error {
	ok := len(p.Inputs) == 1 && len(p.Outputs) == 2
	if ok {
		in := p.Inputs[0].Node.Shape()
		for _, out := range p.Outputs {
			ok = ok && ndarray.SameShape(out.Node.Shape(), in)
		}
	}
	if !ok {
		return reconstruct.NotAPredictor(fmt.Sprintf("%d inputs and %d outputs, or outputs of another shape", len(p.Inputs), len(p.Outputs)))
	}
	return nil
}

type tapeBatch struct {
	input   *ndarray.Float32
	outputs []*ndarray.Float32
	binding engine.Binding
}

func (b *tapeBatch) Patterns() *ndarray.Float32 { return b.input }

func (b *tapeBatch) Run() (amplitude, phase *ndarray.Float32, err error) {
	return b.outputs[0], b.outputs[1], b.binding.Run()
}

func (b *tapeBatch) Close() error { return b.binding.Close() }

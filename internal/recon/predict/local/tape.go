package local

import (
	"fmt"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
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
func (t *Tape) Prepare(b int) (predict.Batch, error) { return t.prepare(b, 0) }

// PrepareProbes is Prepare with an input for probes.
func (t *Tape) PrepareProbes(b, probes int) (predict.ProbeBatch, error) { return t.prepare(b, probes) }

func (t *Tape) prepare(b, probes int) (*tapeBatch, error) {
	program, err := export.RebuildWithProbes(t.model, b, probes)
	if err != nil {
		return nil, err
	}
	if err := checkSignature(program); err != nil {
		return nil, err
	}
	if probes > 0 && len(program.Inputs) < 4 {
		return nil, predict.ErrNoProbe
	}
	exe, err := engine.Tape{}.Compile(program, 1)
	if err != nil {
		return nil, err
	}
	batch := &tapeBatch{}
	for _, in := range program.Inputs {
		batch.inputs = append(batch.inputs, ndarray.New[float32](in.Node.Shape()...))
	}
	for _, out := range program.Outputs {
		batch.outputs = append(batch.outputs, ndarray.New[float32](out.Node.Shape()...))
	}
	if batch.Binding, err = exe.Bind(batch.inputs, batch.outputs); err != nil {
		return nil, err
	}
	return batch, nil
}

// checkSignature accepts a program with one input and two outputs of its shape, or three with the variance. Offsets
// (B, 2) may follow the input, and the two parts of the probe the offsets.
func checkSignature(p *program.Program) error {
	names := []string{export.OffsetName, contract.ProbeReInput, contract.ProbeImInput}
	hasVariance := len(p.Outputs) == 3 && p.Outputs[2].Name == contract.LogVarianceOutput
	ok := (len(p.Outputs) == 2 || hasVariance) && len(p.Inputs) <= 1+len(names)
	for i := 1; ok && i < len(p.Inputs); i++ {
		ok = p.Inputs[i].Name == names[i-1]
	}
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
	inputs  []*ndarray.Float32 // patterns, offsets, and the two parts of the probe; fewer if the network takes fewer
	outputs []*ndarray.Float32
}

func (b *tapeBatch) Patterns() *ndarray.Float32 { return b.inputs[0] }

func (b *tapeBatch) Offsets() *ndarray.Float32 {
	if len(b.inputs) < 2 {
		return nil
	}
	return b.inputs[1]
}

func (b *tapeBatch) Probes() (re, im *ndarray.Float32) {
	if len(b.inputs) < 4 {
		return nil, nil
	}
	return b.inputs[2], b.inputs[3]
}

func (b *tapeBatch) Run() (first, second *ndarray.Float32, err error) {
	return b.outputs[0], b.outputs[1], b.Binding.Run()
}

func (b *tapeBatch) LogVariance() *ndarray.Float32 {
	if len(b.outputs) < 3 {
		return nil
	}
	return b.outputs[2]
}

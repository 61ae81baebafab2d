package export

import (
	"fmt"
	"slices"

	"ptyx/internal/graph/onnxir"
)

const (
	// maxInput is the most values of an input of one sample: a thousand times what the largest network takes.
	maxInput = 1 << 26
	// maxDeclared is the most values of all shapes that a file declares: onnx-go makes an array for each.
	maxDeclared = 1 << 28
)

// check refuses a model that is not of a checkpoint's form: of our opset, with inputs (batch, C, N, N) and offsets
// (batch, 2), and operators of one output each that onnxir.Admit takes. What follows may then walk the graph without
// fear of cycles.
func check(m *onnxir.Model) error {
	if !slices.Contains(m.Opsets, onnxir.Opset{Version: opsetVersion}) {
		return fmt.Errorf("the model is of opset %v, expected %d", opsets(m), opsetVersion)
	}
	for _, in := range m.Graph.Inputs {
		dims := in.Dims
		rank := 4
		if in.Name == OffsetName {
			rank = 2
		}
		ok := len(dims) == rank && in.Type == onnxir.Float
		for i := 1; ok && i < len(dims); i++ { // the batch, dims[0], may be symbolic
			ok = dims[i].Param == "" && dims[i].Value >= 1
		}
		if !ok || sampleSize(in) > maxInput {
			return fmt.Errorf("input %s has shape %v and ONNX type %d, expected float (batch, C, N, N)", in.Name, dims,
				in.Type)
		}
	}
	for _, n := range m.Graph.Nodes {
		if len(n.Outputs) != 1 {
			return fmt.Errorf("operator %s has %d outputs, expected 1", n.OpType, len(n.Outputs))
		}
	}
	return onnxir.Admit(m)
}

// opsets are the versions of the standard operators that a model declares: one, in a sound file.
func opsets(m *onnxir.Model) []int64 {
	var versions []int64
	for _, o := range m.Opsets {
		if o.Domain == "" {
			versions = append(versions, o.Version)
		}
	}
	return versions
}

// checkDeclared bounds the memory that onnx-go takes for the declared shapes.
func checkDeclared(g *onnxir.Graph) error {
	total := 0.0
	for _, v := range slices.Concat(g.Inputs, g.Outputs, g.ValueInfo) {
		if total += sampleSize(v); total > maxDeclared {
			return fmt.Errorf("the values of one sample hold more than %d numbers", maxDeclared)
		}
	}
	return nil
}

// sampleSize is the number of a value's elements, of one sample where the batch is symbolic.
func sampleSize(v onnxir.ValueInfo) float64 {
	size := 1.0
	for _, d := range v.Dims {
		if d.Param == "" && d.Value != onnxir.Unknown {
			size *= float64(d.Value)
		}
	}
	return size
}

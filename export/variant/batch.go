package variant

import (
	"fmt"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/onnxir"
)

// fixBatch gives the symbolic first dimension of patterns, outputs and the values between them a size. Nothing inside
// the graph has to change: shapes there leave the batch to be inferred. Probe and offset have a default of one for all
// patterns, and keep their own symbols.
func fixBatch(g *onnxir.Graph, batch int64) error {
	patterns := g.Inputs[0]
	if len(patterns.Dims) == 0 {
		return nil // running the variant reports it
	}
	symbol := patterns.Dims[0]
	if !open(symbol) && symbol.Value != batch {
		return &badinput.Error{Key: "--fixed-batch",
			Found:    fmt.Sprintf("a model whose batch is %d already", symbol.Value),
			Expected: "one that takes any batch", Remedy: "begin with the model of the training"}
	}
	for _, list := range [][]onnxir.ValueInfo{g.Inputs, g.Outputs, g.ValueInfo} {
		for i, v := range list {
			if len(v.Dims) > 0 && open(v.Dims[0]) && v.Dims[0] == symbol {
				list[i].Dims = slices.Concat([]onnxir.Dim{{Value: batch}}, v.Dims[1:]) // a copy: values may share them
			}
		}
	}
	return nil
}

// open reports whether a dimension may have any size.
func open(d onnxir.Dim) bool { return d.Param != "" || d.Value == onnxir.Unknown }

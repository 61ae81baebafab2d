package variant

import (
	"fmt"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/onnxir"
)

// fixBatch gives the symbolic first dimension of inputs, outputs and values in between a size. Nothing inside the graph
// has to change: shapes there, where a checkpoint has any, leave the batch to be inferred.
func fixBatch(g *onnxir.Graph, batch int64) error {
	for _, list := range [][]onnxir.ValueInfo{g.Inputs, g.Outputs, g.ValueInfo} {
		for i := range list {
			if len(list[i].Dims) == 0 {
				continue
			}
			// The dimensions are copied: values may share them.
			dims := append([]onnxir.Dim(nil), list[i].Dims...)
			switch first := dims[0]; {
			case first.Param != "" || first.Value == onnxir.Unknown:
				dims[0] = onnxir.Dim{Value: batch}
			case isInput(g, list[i].Name) && first.Value != batch:
				return &badinput.Error{Key: "--fixed-batch",
					Found:    fmt.Sprintf("a model whose batch is %d already", first.Value),
					Expected: "one that takes any batch", Remedy: "begin with the model of the training"}
			}
			list[i].Dims = dims
		}
	}
	return nil
}

func isInput(g *onnxir.Graph, name string) bool {
	return slices.ContainsFunc(g.Inputs, func(in onnxir.ValueInfo) bool { return in.Name == name })
}

package variant

import (
	"fmt"
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/onnxir"
)

// The opsets that a checkpoint can be written in.
const (
	oldestOpset = 13
	newestOpset = 23
)

// unchanged are the operators of checkpoints that mean the same in all these opsets, in the form that checkpoints use,
// by ONNX's change log (Operators.md of the releases). Most changes add element types; the others add a default that
// keeps the meaning:
//
//   - Resize 18 and 19 add attributes for axes and antialiasing, Pad 18 an input of axes, Reshape 14 "allowzero",
//     MaxPool and AveragePool 19 "dilations";
//   - ReduceSum takes its axes as an input since 13;
//   - Identity, Cast and Constant change types alone.
var unchanged = strings.Fields(`
	Abs Add Atan AveragePool Cast Concat Conv Cos DepthToSpace Div Expand Identity Log MatMul MaxPool Mul Neg Pad
	ReduceSum Relu Reshape Resize Sigmoid Sin Slice SpaceToDepth Sqrt Sub Tanh Transpose`)

// irVersion is the oldest file format that has an opset (ONNX's Versioning.md).
func irVersion(opset int64) int64 {
	switch {
	case opset <= 14:
		return 7
	case opset <= 18:
		return 8
	case opset <= 20:
		return 9
	case opset <= 22:
		return 10
	}
	return 11
}

// setOpset declares the same graph in another opset.
func setOpset(m *onnxir.Model, opset int64) error {
	for _, n := range m.Graph.Nodes {
		if n.Domain != "" || !slices.Contains(unchanged, n.OpType) {
			return &badinput.Error{Key: "--opset", Found: fmt.Sprintf("operator %s of %q", n.OpType, n.Outputs[0]),
				Expected: fmt.Sprintf("operators whose form in opset %d is known", opset),
				Remedy:   "leave the opset as it is"}
		}
	}
	for i := range m.Opsets {
		if m.Opsets[i].Domain == "" {
			m.Opsets[i].Version = opset
		}
	}
	m.IRVersion = irVersion(opset)
	return nil
}

package variant

import (
	"fmt"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/onnxir"
)

// The opsets that a checkpoint can be said in.
const (
	oldestOpset = 13
	newestOpset = 23
)

// span is the range of opsets in which an operator means the same in the form that checkpoints use.
type span struct{ first, last int64 }

// forms are the operators of checkpoints, by ONNX's change log (Operators.md of the releases). Between opset 13 and 23
// most changes add element types; what is added besides is a default that keeps the meaning:
//
//   - Resize 18 and 19 add attributes for axes and antialiasing, Pad 18 an input of axes, Reshape 14 "allowzero",
//     MaxPool and AveragePool 19 "dilations";
//   - ReduceSum takes its axes as an input since 13;
//   - Identity, Cast and Constant change types alone.
var forms = map[string]span{
	"Abs": {13, newestOpset}, "Add": {13, newestOpset}, "Atan": {7, newestOpset}, "AveragePool": {11, newestOpset},
	"Cast":   {13, newestOpset},
	"Concat": {13, newestOpset}, "Conv": {11, newestOpset}, "Cos": {7, newestOpset}, "Div": {13, newestOpset},
	"Expand":   {13, newestOpset},
	"Identity": {13, newestOpset}, "MatMul": {13, newestOpset}, "MaxPool": {12, newestOpset}, "Mul": {13, newestOpset},
	"Pad":       {13, newestOpset},
	"ReduceSum": {13, newestOpset}, "Relu": {13, newestOpset}, "Reshape": {13, newestOpset},
	"Resize":  {13, newestOpset},
	"Sigmoid": {13, newestOpset}, "Sin": {7, newestOpset}, "Slice": {13, newestOpset}, "Sqrt": {13, newestOpset},
	"Sub":  {13, newestOpset},
	"Tanh": {13, newestOpset}, "Transpose": {13, newestOpset},
}

// irVersions are the oldest file formats that know an opset (ONNX's Versioning.md).
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

// setOpset says the same graph in another opset.
func setOpset(m *onnxir.Model, opset int64) error {
	for _, n := range m.Graph.Nodes {
		form, known := forms[n.OpType]
		if n.Domain != "" || !known || opset < form.first || opset > form.last {
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

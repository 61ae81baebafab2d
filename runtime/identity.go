package runtime

import "ptyx/internal/onnxir"

// identityModel is the smallest model that a session can be created of: y = x + 1 on one number.
var identityModel = func() []byte {
	b := onnxir.NewBuilder("probe", onnxir.Target{})
	b.Node("Add", "y", []string{"x", b.Scalar(1)})
	shape := []onnxir.Dim{{Value: 1}}
	b.Graph.Inputs = []onnxir.ValueInfo{{Name: "x", Type: onnxir.Float, Dims: shape}}
	b.Graph.Outputs = []onnxir.ValueInfo{{Name: "y", Type: onnxir.Float, Dims: shape}}
	m := onnxir.Model{IRVersion: 8, Opsets: []onnxir.Opset{{Version: 17}}, Graph: b.Graph}
	return m.Marshal()
}()

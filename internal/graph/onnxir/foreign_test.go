package onnxir_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/graph/onnxir"
)

// TestAnotherProgramsModel reads a file of onnx's own Python package that holds every form that ptyx does not write.
func TestAnotherProgramsModel(t *testing.T) {
	data, err := os.ReadFile("testdata/foreign.onnx")
	if err != nil {
		t.Fatal(err)
	}
	m := sound(t, data)
	if m == nil {
		t.Fatal("refused")
	}
	if v, ok := m.Property("author"); !ok || v != "nobody" || m.IRVersion != 8 || m.ProducerName != "make_foreign" ||
		m.Doc != "a model" {
		t.Errorf("read as %+v", m)
	}
	tensors := map[string]*onnxir.Tensor{}
	for _, tensor := range m.Graph.Initializers {
		tensors[tensor.Name] = tensor
	}
	for name, want := range map[string][]float32{"floats": {1, -2, 0.5, 3}, "doubles": {1, -2, 0.5}, "raw": {7, 8},
		"scalar": {9}, "empty": {}} {
		if got, err := tensors[name].Floats(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v (%v)", name, got, want, err)
		}
	}
	if got, err := tensors["int64s"].Int64s(); err != nil || !slices.Equal(got, []int64{-1, 1 << 40}) {
		t.Errorf("int64s: %v, %v", got, err)
	}
	for name, want := range map[string][]byte{"bools": {1, 0, 1}, "int8s": {0xff, 2}, "halves": {0, 0x3c, 0, 0xc0}} {
		if got := tensors[name].Raw; !bytes.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if _, err := tensors["int64s"].Floats(); err == nil {
		t.Error("integers are read as floats")
	}
	if _, err := tensors["floats"].Int64s(); err == nil {
		t.Error("floats are read as integers")
	}
	var shapes []string
	for _, in := range m.Graph.Inputs {
		shapes = append(shapes, fmt.Sprintf("%s %d %v", in.Name, in.Type, in.Dims))
	}
	if want := []string{"x 1 [batch 1 ?]", "y 1 []", "z 1 []", "sequence 0 []"}; !slices.Equal(shapes, want) {
		t.Errorf("inputs %q, want %q", shapes, want)
	}
	node := m.Graph.Nodes[0]
	if node.OpType != "Every" || node.Domain != "example" || !slices.Equal(node.Inputs, []string{"x", ""}) {
		t.Errorf("node %+v", node)
	}
	want := map[string]string{
		"float": "1 0 0.5 [] []", "int": "2 0 0 [] []", "string": "3 0 0 mean [] []", "floats": "6 0 0 [] [1.5 2.5]",
		"ints":   "7 0 0 [-1 2] []",
		"tensor": "4 0 0 [] []", "strings": "8 0 0 [] []", "graph": "5 0 0 [] []", // kinds that are passed over
	}
	for _, a := range node.Attributes {
		got := strings.Join(
			strings.Fields(fmt.Sprint(int(a.Kind), a.Int, a.Float, " ", a.String, " ", a.Ints, a.Floats)), " ")
		if got != want[a.Name] {
			t.Errorf("attribute %s: %s, want %s", a.Name, got, want[a.Name])
		}
		if a.Name == "tensor" && a.Tensor.Name != "floats" {
			t.Errorf("attribute tensor holds %+v", a.Tensor)
		}
	}
	if len(node.Attributes) != len(want) {
		t.Errorf("%d attributes, want %d", len(node.Attributes), len(want))
	}
}

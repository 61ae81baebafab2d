package onnxir_test

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"testing"

	"ptyx/internal/graph/onnxir"
)

// full is a model in which every field of every type of the package is used.
func full() *onnxir.Model {
	tensor := func(name string, kind onnxir.DataType, bytes int, dims ...int64) *onnxir.Tensor {
		return &onnxir.Tensor{Name: name, Type: kind, Dims: dims, Raw: sample(bytes), Doc: "of " + name}
	}
	node := &onnxir.Node{Name: "n", OpType: "Every", Domain: "example", Doc: "a node", Inputs: []string{"x", "", "w"},
		Outputs: []string{"y", "z"}}
	node.Attributes = []onnxir.Attribute{
		onnxir.Int("int", math.MinInt64), onnxir.Int("zero", 0), onnxir.Ints("ints", -1, 0, math.MaxInt64),
		onnxir.Ints("none"),
		{Name: "float", Kind: onnxir.KindFloat, Float: float32(math.Inf(-1))}, onnxir.String("string", "nearest"),
		onnxir.String("empty", ""),
		{Name: "floats", Kind: onnxir.KindFloats, Floats: []float32{0, -1.5, math.MaxFloat32}},
		{Name: "tensor", Kind: onnxir.KindTensor, Tensor: tensor("value", onnxir.Int64, 16, 2)},
	}
	return &onnxir.Model{
		IRVersion: 8, ProducerName: "ptyx", ProducerVersion: "1.2.3", Doc: "a model\nof two lines",
		Opsets: []onnxir.Opset{{Version: 17}, {Domain: "example", Version: 2}},
		Graph: &onnxir.Graph{
			Name: "g", Doc: "a graph",
			Nodes: []*onnxir.Node{node, {OpType: "Identity", Inputs: []string{"y"}, Outputs: []string{"out"}}},
			Initializers: []*onnxir.Tensor{
				tensor("w", onnxir.Float, 24, 2, 3), tensor("scalar", onnxir.Double, 8),
				tensor("nothing", onnxir.Float16, 0, 0, 3),
				tensor("mask", onnxir.Bool, 3, 3), tensor("unknown", 8, 5, -7),
			},
			Inputs: []onnxir.ValueInfo{
				{Name: "x", Type: onnxir.Float,
					Dims: []onnxir.Dim{{Param: "batch"}, {Value: 3}, {Value: onnxir.Unknown}, {}}, Doc: "an input"}},
			Outputs:   []onnxir.ValueInfo{{Name: "out", Type: onnxir.Int64}},
			ValueInfo: []onnxir.ValueInfo{{Name: "y"}},
		},
		Metadata: []onnxir.Property{{Key: "a", Value: "Ångström 試料"}, {Key: "a", Value: "again"}, {Key: "empty"}},
	}
}

// sample are n bytes that are not all the same; nil for none.
func sample(n int) (out []byte) {
	for i := range n {
		out = append(out, byte(7*i+1))
	}
	return out
}

func TestAModelComesBackAsItWasWritten(t *testing.T) {
	want := full()
	data := want.Marshal()
	got, err := onnxir.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v %+v\nwritten\n%+v %+v", got, got.Graph, want, want.Graph)
	}
	if !bytes.Equal(got.Marshal(), data) || !bytes.Equal(full().Marshal(), data) {
		t.Error("equal models give other bytes")
	}
	if unused := fieldsUnused(want); len(unused) > 0 {
		t.Errorf("the model of this test does not use %v", unused)
	}
}

// fieldsUnused are the fields of the package's types that are zero wherever they occur in a model.
func fieldsUnused(m *onnxir.Model) []string {
	used := map[string]bool{}
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				visit(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				visit(v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				name := v.Type().Name() + "." + v.Type().Field(i).Name
				used[name] = used[name] || !v.Field(i).IsZero()
				visit(v.Field(i))
			}
		}
	}
	visit(reflect.ValueOf(m))
	var unused []string
	for name, is := range used {
		if !is {
			unused = append(unused, name)
		}
	}
	slices.Sort(unused)
	return unused
}

// A file that was cut off is refused, or its cut lies between two fields of the model itself; then the rest is as it
// was.
func TestACutModelIsNeverMisread(t *testing.T) {
	data := full().Marshal()
	refused := 0
	for cut := range data {
		if m := sound(t, data[:cut]); m == nil {
			refused++
		} else if !bytes.Equal(m.Marshal(), data[:cut]) {
			t.Errorf("cut after %d of %d bytes, it is read as another model", cut, len(data))
		}
	}
	if refused < len(data)*9/10 {
		t.Errorf("%d of %d cuts were refused", refused, len(data))
	}
}

func TestDamagedModelsGiveAnErrorOrAModel(t *testing.T) {
	data := full().Marshal()
	for i := range data {
		for bit := range 8 {
			damaged := slices.Clone(data)
			damaged[i] ^= 1 << bit
			sound(t, damaged)
		}
	}
}

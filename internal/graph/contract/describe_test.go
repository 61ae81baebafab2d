package contract_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
)

// small is a network of two layers: 2 x 1 x 3 x 3 + 2 and 4 parameters.
func small() *onnxir.Model {
	b := onnxir.NewBuilder("small", onnxir.Target{})
	b.Initializer("encoder.0.weight", make([]float32, 18), 2, 1, 3, 3)
	b.Initializer("head.weight", make([]float32, 4), 4)
	b.Initializer("encoder.0.bias", make([]float32, 2), 2)
	b.Initializer("table", make([]float32, 100), 100) // constants of the graph, not of a layer
	b.Node("Mul", "scaled", []string{"x", b.Scalar(0.5)})
	b.Node("Conv", "y", []string{"scaled", "encoder.0.weight", "encoder.0.bias"})
	b.Node("Conv", "z", []string{"y", "encoder.0.weight", "encoder.0.bias"})
	b.NodeIn("com.microsoft", "FusedMatMul", []string{"out"}, []string{"z", "head.weight"})
	b.Graph.Initializers = append(b.Graph.Initializers,
		&onnxir.Tensor{Name: "axes.0", Type: onnxir.Int64, Dims: []int64{1}, Raw: make([]byte, 8)})
	b.Graph.Inputs = []onnxir.ValueInfo{
		{Name: "x", Type: onnxir.Float,
			Dims: []onnxir.Dim{{Param: "batch"}, {Value: 1}, {Value: 64}, {Value: onnxir.Unknown}}, Doc: "Amplitudes."}}
	b.Graph.Outputs = []onnxir.ValueInfo{{Name: "out", Type: onnxir.Float}}
	return &onnxir.Model{
		IRVersion: 8, ProducerName: "ptyx", ProducerVersion: "1.2.3",
		Opsets: []onnxir.Opset{{Version: 17}, {Domain: "com.microsoft", Version: 1}},
		Graph:  b.Graph,
		Metadata: []onnxir.Property{{Key: "ptyx.n", Value: "64"},
			{Key: "a.probe", Value: strings.Repeat("é", 300)}},
	}
}

// described writes a model and describes it.
func described(t *testing.T, m *onnxir.Model) *contract.Description {
	t.Helper()
	path := filepath.Join(t.TempDir(), contract.ModelFile)
	if err := os.WriteFile(path, m.Marshal(), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := contract.Describe(path)
	if err != nil {
		t.Fatal(err)
	}
	byDirectory, err := contract.Describe(filepath.Dir(path))
	if err != nil || !reflect.DeepEqual(byDirectory, d) {
		t.Errorf("by its directory %+v (%v), by its name %+v", byDirectory, err, d)
	}
	return d
}

func text(t *testing.T, d *contract.Description) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTextOfAModel(t *testing.T) {
	d := described(t, small())
	data := small().Marshal()
	d.File = "small.onnx"
	want := fmt.Sprintf(`file       small.onnx
sha256     %x
size       %d bytes, 24 parameters
made by    ptyx 1.2.3, ONNX IR 8, opset 17 of ai.onnx, opset 1 of com.microsoft
input      x (batch, 1, 64, ?)  Amplitudes.
output     out ()
operators  2 Conv, 1 Mul, 1 com.microsoft.FusedMatMul

layer      parameters  shapes
encoder.0  20          [2x1x3x3] [2]
head       4           [4]

metadata
ptyx.n   64
a.probe  %s... (300 characters)
`, sha256.Sum256(data), len(data), strings.Repeat("é", 24))
	if got := text(t, d); got != want {
		t.Errorf("the page is\n%s\nwant\n%s", got, want)
	}
}

func TestJSONHoldsEverything(t *testing.T) {
	d := described(t, small())
	var b bytes.Buffer
	if err := d.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got contract.Description
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Parameters != 24 || len(got.Layers) != 2 || got.Operators["Conv"] != 2 || got.Opsets["ai.onnx"] != 17 ||
		got.Metadata["a.probe"] != strings.Repeat("é", 300) {
		t.Errorf("JSON holds %+v", got)
	}
	var page, again bytes.Buffer
	if err := got.WriteJSON(&again); err != nil || again.String() != b.String() {
		t.Errorf("read and written again it is %s (%v)", again.String(), err)
	}
	got.Metadata = nil // the order of the metadata is not in the JSON
	if err := got.WriteText(&page); err != nil || !strings.HasPrefix(text(t, d), page.String()) {
		t.Errorf("from the JSON the page begins %s (%v)", page.String(), err)
	}
}

// An empty list is a list in JSON, so that a script can walk it.
func TestAnEmptyModelHasEmptyLists(t *testing.T) {
	var b bytes.Buffer
	if err := described(t, &onnxir.Model{Graph: &onnxir.Graph{}}).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "null") {
		t.Errorf("JSON holds a null: %s", b.String())
	}
}

func TestTheSameModelGivesTheSameText(t *testing.T) {
	d := described(t, small())
	want := text(t, d)
	for range 20 { // maps are walked in another order each time
		if text(t, d) != want {
			t.Fatal("two pages differ")
		}
	}
}

// Names and metadata are the file's; a row of the page stays a row, and a terminal is told nothing.
func TestTextShowsNoControlCharacters(t *testing.T) {
	plain, broken := small(), small()
	for i, c := range []string{"\n", "\x1b[2J", "\t"} {
		text := "a" + c + "b"
		broken.ProducerName, broken.Metadata[0].Value, broken.Graph.Inputs[0].Doc = text, text, text
		broken.Graph.Initializers[1].Name, broken.Graph.Nodes[0].OpType = text+".w", text
		got := page(t, broken)
		if strings.ContainsAny(got, "\x1b\t\r") || strings.Count(got, "\n") != strings.Count(page(t, plain), "\n") {
			t.Errorf("case %d: the page is %q", i, got)
		}
	}
}

func page(t *testing.T, m *onnxir.Model) string { return text(t, described(t, m)) }

func TestDescribeRefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text.onnx")
	if err := os.WriteFile(path, []byte("This is no model."), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Dir(path), filepath.Join(path, "missing"),
		filepath.Dir(path) + "-missing"} {
		d, err := contract.Describe(p)
		var bad *badinput.Error
		if d != nil || err == nil || p != filepath.Join(path, "missing") && !errors.As(err, &bad) {
			t.Errorf("%s: %+v, %v", p, d, err)
		}
	}
}

// full is a disk that is full.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAFullDiskIsAnError(t *testing.T) {
	d := described(t, small())
	if d.WriteText(full{}) == nil || d.WriteJSON(full{}) == nil {
		t.Error("nobody was told")
	}
}

package contract

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"ptyx/internal/graph/onnxir"
)

// Description is the content of a model file, for a person or as JSON.
type Description struct {
	File       string            `json:"file"`
	SHA256     string            `json:"sha256"`
	Bytes      int               `json:"bytes"`
	Producer   string            `json:"producer"`
	IRVersion  int64             `json:"ir_version"`
	Opsets     map[string]int64  `json:"opsets"`
	Inputs     []Tensor          `json:"inputs"`
	Outputs    []Tensor          `json:"outputs"`
	Parameters int64             `json:"parameters"`
	Layers     []Layer           `json:"layers"`
	Operators  map[string]int    `json:"operators"`
	Metadata   map[string]string `json:"metadata"`

	metadataOrder []string
}

// Tensor is an input or output.
type Tensor struct {
	Name  string   `json:"name"`
	Shape []string `json:"shape"`
	Doc   string   `json:"doc,omitempty"`
}

// Layer is a named group of parameters ("encoder.0.conv.0").
type Layer struct {
	Name       string   `json:"name"`
	Shapes     []string `json:"shapes"`
	Parameters int64    `json:"parameters"`
}

// longest is the most characters of a metadata value that are shown. The probe has more.
const longest = 200

// Describe describes the model at path, an .onnx file or a run directory. The file need not carry a contract.
func Describe(path string) (*Description, error) {
	data, m, file, err := Read(path)
	if err != nil {
		return nil, err
	}
	d := &Description{
		File: file, SHA256: Digest(data), Bytes: len(data),
		Producer: strings.TrimSpace(m.ProducerName + " " + m.ProducerVersion), IRVersion: m.IRVersion,
		Layers: []Layer{}, Opsets: map[string]int64{}, Operators: map[string]int{}, Metadata: map[string]string{},
		Inputs: tensors(m.Graph.Inputs), Outputs: tensors(m.Graph.Outputs),
	}
	for _, o := range m.Opsets {
		d.Opsets[cmp.Or(o.Domain, "ai.onnx")] = o.Version
	}
	for _, n := range m.Graph.Nodes {
		name := n.OpType
		if n.Domain != "" {
			name = n.Domain + "." + name
		}
		d.Operators[name]++
	}
	for _, p := range m.Metadata {
		d.Metadata[p.Key] = p.Value
		d.metadataOrder = append(d.metadataOrder, p.Key)
	}
	d.layers(m.Graph.Initializers)
	return d, nil
}

func tensors(infos []onnxir.ValueInfo) []Tensor {
	out := make([]Tensor, len(infos))
	for i, v := range infos {
		out[i] = Tensor{Name: v.Name, Doc: v.Doc, Shape: []string{}}
		for _, dim := range v.Dims {
			out[i].Shape = append(out[i].Shape, dim.String())
		}
	}
	return out
}

// layers groups float initializers by their name up to the last dot; constants without one are not parameters.
func (d *Description) layers(tensors []*onnxir.Tensor) {
	index := map[string]int{}
	for _, t := range tensors {
		dot := strings.LastIndex(t.Name, ".")
		if t.Type != onnxir.Float && t.Type != onnxir.Float16 || dot < 0 || strings.HasPrefix(t.Name, "const.") {
			continue
		}
		count := int64(1)
		for _, dim := range t.Dims {
			count *= dim
		}
		name := t.Name[:dot]
		if _, ok := index[name]; !ok {
			index[name] = len(d.Layers)
			d.Layers = append(d.Layers, Layer{Name: name})
		}
		layer := &d.Layers[index[name]]
		layer.Shapes = append(layer.Shapes, strings.ReplaceAll(fmt.Sprint(t.Dims), " ", "x"))
		layer.Parameters += count
		d.Parameters += count
	}
}

// WriteJSON writes everything, metadata in full.
func (d *Description) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

// WriteText writes a page for a person.
func (d *Description) WriteText(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	row(w, "file", d.File)
	row(w, "sha256", d.SHA256)
	row(w, "size", fmt.Sprintf("%d bytes, %d parameters", d.Bytes, d.Parameters))
	row(w, "made by", fmt.Sprintf("%s, ONNX IR %d, %s", d.Producer, d.IRVersion, counts(d.Opsets, "opset %d of %s")))
	for _, list := range []struct {
		what    string
		tensors []Tensor
	}{{"input", d.Inputs}, {"output", d.Outputs}} {
		for _, t := range list.tensors {
			row(w, list.what, fmt.Sprintf("%s (%s)  %s", t.Name, strings.Join(t.Shape, ", "), t.Doc))
		}
	}
	row(w, "operators", counts(d.Operators, "%d %s"))
	fmt.Fprintln(w)
	row(w, "layer", "parameters", "shapes")
	for _, l := range d.Layers {
		row(w, l.Name, fmt.Sprint(l.Parameters), strings.Join(l.Shapes, " "))
	}
	fmt.Fprintln(w)
	row(w, "metadata")
	for _, key := range d.metadataOrder {
		row(w, key, shortened(d.Metadata[key]))
	}
	return w.Flush()
}

// row writes a line of a table. Control characters of the file must not reach the terminal.
func row(w io.Writer, cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, strings.TrimSpace(cell))
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// shortened is the beginning of a long value.
func shortened(value string) string {
	letters := []rune(value)
	if len(letters) <= longest {
		return value
	}
	return fmt.Sprintf("%s... (%d characters)", string(letters[:24]), len(letters))
}

// counts lists a map in the order of its keys.
func counts[V int | int64](m map[string]V, format string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf(format, m[k], k))
	}
	return strings.Join(parts, ", ")
}

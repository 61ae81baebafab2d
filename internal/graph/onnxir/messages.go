package onnxir

import (
	"reflect"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers that readers of parts of a file need.
const (
	modelGraph                                protowire.Number = 7
	graphInitializer, graphInput, graphOutput protowire.Number = 5, 11, 12
)

// Unmarshal reads an .onnx file, of other exporters too: packed and unpacked lists, typed data besides raw data. Fields
// that it does not know are passed over. External data is refused: a model is one file. Memory is bounded by the size
// of the input.
func Unmarshal(data []byte) (*Model, error) {
	m := &Model{}
	v := reflect.ValueOf(m).Elem()
	if err := readFields("model", data, func(f field) error { return readInto(v, f) }); err != nil {
		return nil, err
	}
	if m.Graph == nil {
		return nil, refuse("model", "has no graph; this is not an ONNX file")
	}
	return m, nil
}

// Marshal gives the bytes of an .onnx file. Equal models give equal bytes.
func (m *Model) Marshal() []byte { return marshalMembers(reflect.ValueOf(m).Elem()) }

// Property is the metadata value of a key.
func (m *Model) Property(key string) (string, bool) {
	i := slices.IndexFunc(m.Metadata, func(p Property) bool { return p.Key == key })
	if i < 0 {
		return "", false
	}
	return m.Metadata[i].Value, true
}

// Signature is the inputs and outputs of a model. Optional inputs have a default in the file: nobody has to feed them.
type Signature struct{ Inputs, Optional, Outputs []ValueInfo }

// ReadSignature reads the inputs and outputs of an .onnx file and passes over its operators and weights.
func ReadSignature(data []byte) (Signature, error) {
	var g Graph
	graph := reflect.ValueOf(&g).Elem()
	constants, graphs := map[string]bool{}, 0
	part := func(f field) error {
		switch f.number {
		case graphInitializer:
			return f.message("tensor", func(f field) error {
				if f.number == tensorName {
					constants[string(f.body)] = true
				}
				return nil
			})
		case graphInput, graphOutput:
			return readInto(graph, f)
		}
		return nil
	}
	err := readFields("model", data, func(f field) error {
		if f.number != modelGraph {
			return nil
		}
		graphs++
		return f.message("graph", part)
	})
	if err == nil && graphs != 1 {
		err = refuse("model", "has %d graphs; this is not an ONNX file", graphs)
	}
	s := Signature{Outputs: g.Outputs}
	for _, in := range g.Inputs {
		if constants[in.Name] {
			s.Optional = append(s.Optional, in)
		} else {
			s.Inputs = append(s.Inputs, in)
		}
	}
	return s, err
}

// valueFields are the fields of an attribute's value, by its kind.
var valueFields = map[AttributeKind]protowire.Number{
	KindFloat: 2, KindInt: 3, KindString: 4, KindTensor: 5, KindFloats: 7, KindInts: 8,
}

func (a *Attribute) marshal() []byte {
	var others []protowire.Number
	for kind, number := range valueFields {
		if kind != a.Kind {
			others = append(others, number)
		}
	}
	return marshalMembers(reflect.ValueOf(a).Elem(), others...)
}

func (a *Attribute) read(f field) error {
	var given AttributeKind // of the value that is there
	twice := false
	v := reflect.ValueOf(a).Elem()
	err := f.message("attribute", func(f field) error {
		for kind, number := range valueFields {
			if number == f.number {
				twice = twice || given != 0 && given != kind
				given = kind
			}
		}
		return readInto(v, f)
	})
	if a.Kind == 0 { // the first exporters did not write it
		a.Kind = given
	}
	where := label("attribute", a.Name)
	switch {
	case err != nil:
		return err
	case twice:
		return refuse(where, "has values of two kinds")
	case given != 0 && given != a.Kind:
		return refuse(where, "has a value of kind %d and declares kind %d", given, a.Kind)
	case a.Kind == KindTensor && a.Tensor == nil: // of the other kinds, a missing value is 0 or empty
		return refuse(where, "has no tensor")
	}
	return nil
}

// The messages that a ValueInfo is made of.
type (
	valueProto struct {
		Name string     `onnx:"1"`
		Type *typeProto `onnx:"2"`
		Doc  string     `onnx:"3"`
	}
	typeProto struct {
		Tensor *tensorTypeProto `onnx:"1"`
	}
	tensorTypeProto struct {
		Element DataType    `onnx:"1"`
		Shape   *shapeProto `onnx:"2"`
	}
	shapeProto struct {
		Dims []Dim `onnx:"1"`
	}
	dimProto struct {
		Value int64  `onnx:"1"`
		Param string `onnx:"2"`
	}
)

func (v *ValueInfo) read(f field) error {
	var p valueProto
	err := f.into(reflect.ValueOf(&p).Elem())
	*v = ValueInfo{Name: p.Name, Doc: p.Doc}
	if p.Type != nil && p.Type.Tensor != nil {
		v.Type = p.Type.Tensor.Element
		if shape := p.Type.Tensor.Shape; shape != nil {
			v.Dims = append([]Dim{}, shape.Dims...)
		}
	}
	return err
}

func (v *ValueInfo) marshal() []byte {
	p := valueProto{Name: v.Name, Doc: v.Doc}
	if v.Type != 0 || v.Dims != nil {
		p.Type = &typeProto{&tensorTypeProto{Element: v.Type}}
	}
	if v.Dims != nil {
		p.Type.Tensor.Shape = &shapeProto{v.Dims}
	}
	return marshalMembers(reflect.ValueOf(&p).Elem())
}

// read takes the last of value and name, as protobuf does with a choice.
func (d *Dim) read(f field) error {
	*d = Dim{Value: Unknown}
	return f.message("dimension", func(f field) error {
		var p dimProto
		err := readInto(reflect.ValueOf(&p).Elem(), f)
		switch f.number {
		case 1:
			*d = Dim{Value: max(p.Value, Unknown)}
		case 2:
			*d = Dim{Param: p.Param}
			if p.Param == "" {
				d.Value = Unknown
			}
		}
		return err
	})
}

func (d *Dim) marshal() []byte {
	p := reflect.ValueOf(&dimProto{d.Value, d.Param}).Elem()
	switch {
	case d.Param != "":
		return marshalMembers(p, 1)
	case d.Value != Unknown:
		return marshalMembers(p, 2)
	}
	return nil
}

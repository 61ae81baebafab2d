package onnxir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// FormatError says why bytes are not a model that can be read, on one line. Callers add the file's name.
type FormatError struct {
	Where  string // message being read: graph, node, tensor "conv.weight"
	Reason string
}

// Error gives the sentence.
func (e *FormatError) Error() string { return fmt.Sprintf("%s: %s", e.Where, e.Reason) }

// label names a message that has a name of its own. The name is the file's: it is quoted, and cut if it is endless.
func label(what, name string) string { return fmt.Sprintf("%s %.64q", what, name) }

// Unmarshal reads an .onnx file. It understands what other exporters write too: packed and unpacked lists, typed data
// besides raw data. Fields that it does not know are passed over. External data is refused: a model is one file. Memory
// is bounded by the size of the input.
func Unmarshal(data []byte) (*Model, error) {
	m := &Model{}
	err := fields("model", data, func(f field) error {
		var err error
		switch f.number {
		case modelIRVersion:
			m.IRVersion, err = f.int()
		case modelProducer:
			m.ProducerName, err = f.text()
		case modelProducerVersion:
			m.ProducerVersion, err = f.text()
		case modelDoc:
			m.Doc, err = f.text()
		case modelGraph:
			if m.Graph != nil {
				return &FormatError{"model", "has two graphs"}
			}
			m.Graph = &Graph{}
			err = m.Graph.read(f)
		case modelOpset:
			var o Opset
			err = o.read(f)
			m.Opsets = append(m.Opsets, o)
		case modelMetadata:
			var p Property
			err = p.read(f)
			m.Metadata = append(m.Metadata, p)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if m.Graph == nil {
		return nil, &FormatError{"model", "has no graph; this is not an ONNX file"}
	}
	return m, nil
}

// Signature is what a model takes and gives.
type Signature struct{ Inputs, Outputs []ValueInfo }

// ReadSignature reads the inputs and outputs of an .onnx file and passes over its operators and weights. Inputs with an
// initializer are constants with a default and left out, as ONNX Runtime does.
func ReadSignature(data []byte) (Signature, error) {
	var s Signature
	constants, graphs := map[string]bool{}, 0
	graph := func(f field) (err error) {
		switch f.number {
		case graphInitializer:
			var t Tensor
			err = f.message("tensor", func(f field) (err error) {
				if f.number == tensorName {
					t.Name, err = f.text()
				}
				return err
			})
			constants[t.Name] = true
		case graphInput:
			err = readInfo(f, &s.Inputs)
		case graphOutput:
			err = readInfo(f, &s.Outputs)
		}
		return err
	}
	err := fields("model", data, func(f field) error {
		if f.number != modelGraph {
			return nil
		}
		graphs++
		return f.message("graph", graph)
	})
	if err == nil && graphs != 1 {
		err = &FormatError{"model", fmt.Sprintf("has %d graphs; this is not an ONNX file", graphs)}
	}
	s.Inputs = slices.DeleteFunc(s.Inputs, func(v ValueInfo) bool { return constants[v.Name] })
	return s, err
}

func (o *Opset) read(f field) error {
	return f.message("opset", func(f field) (err error) {
		switch f.number {
		case opsetDomain:
			o.Domain, err = f.text()
		case opsetVersion:
			o.Version, err = f.int()
		}
		return err
	})
}

func (p *Property) read(f field) error {
	return f.message("metadata", func(f field) (err error) {
		switch f.number {
		case propertyKey:
			p.Key, err = f.text()
		case propertyValue:
			p.Value, err = f.text()
		}
		return err
	})
}

func (g *Graph) read(f field) error {
	return f.message("graph", func(f field) (err error) {
		switch f.number {
		case graphNode:
			n := &Node{}
			err = n.read(f)
			g.Nodes = append(g.Nodes, n)
		case graphName:
			g.Name, err = f.text()
		case graphInitializer:
			t := &Tensor{}
			err = t.read(f)
			g.Initializers = append(g.Initializers, t)
		case graphDoc:
			g.Doc, err = f.text()
		case graphInput:
			err = readInfo(f, &g.Inputs)
		case graphOutput:
			err = readInfo(f, &g.Outputs)
		case graphValueInfo:
			err = readInfo(f, &g.ValueInfo)
		}
		return err
	})
}

func (n *Node) read(f field) error {
	return f.message("node", func(f field) (err error) {
		switch f.number {
		case nodeInput:
			err = appendText(f, &n.Inputs)
		case nodeOutput:
			err = appendText(f, &n.Outputs)
		case nodeName:
			n.Name, err = f.text()
		case nodeOpType:
			n.OpType, err = f.text()
		case nodeAttribute:
			var a Attribute
			err = a.read(f)
			n.Attributes = append(n.Attributes, a)
		case nodeDoc:
			n.Doc, err = f.text()
		case nodeDomain:
			n.Domain, err = f.text()
		}
		return err
	})
}

func (a *Attribute) read(f field) error {
	var given AttributeKind // of the value that is there
	twice := false
	err := f.message("attribute", func(f field) (err error) {
		if kind := valueKind(f.number); kind != 0 {
			twice = twice || given != 0 && given != kind
			given = kind
		}
		switch f.number {
		case attrName:
			a.Name, err = f.text()
		case attrFloat:
			a.Float, err = f.float()
		case attrInt:
			a.Int, err = f.int()
		case attrString:
			a.String, err = f.text()
		case attrTensor:
			a.Tensor = &Tensor{}
			err = a.Tensor.read(f)
		case attrFloats:
			err = f.fixed32s(func(v uint32) { a.Floats = append(a.Floats, math.Float32frombits(v)) })
		case attrInts:
			err = f.varints(func(v uint64) { a.Ints = append(a.Ints, int64(v)) })
		case attrType:
			var kind int64
			kind, err = f.int()
			a.Kind = AttributeKind(kind)
		}
		return err
	})
	if err != nil {
		return err
	}
	if a.Kind == 0 { // the first exporters did not tell
		a.Kind = given
	}
	switch {
	case twice:
		return &FormatError{label("attribute", a.Name), "has values of two kinds"}
	case given != 0 && given != a.Kind:
		return &FormatError{label("attribute", a.Name),
			fmt.Sprintf("has a value of kind %d and says that it is of kind %d", given, a.Kind)}
	case a.Kind == KindTensor && a.Tensor == nil: // of the others, what is not there is 0 or empty
		return &FormatError{label("attribute", a.Name), "has no tensor"}
	}
	return nil
}

// valueKind is the kind of the value that a field of an attribute holds, 0 for any other field.
func valueKind(number protowire.Number) AttributeKind {
	switch number {
	case attrFloat:
		return KindFloat
	case attrInt:
		return KindInt
	case attrString:
		return KindString
	case attrTensor:
		return KindTensor
	case attrFloats:
		return KindFloats
	case attrInts:
		return KindInts
	}
	return 0
}

func readInfo(f field, list *[]ValueInfo) error {
	var v ValueInfo
	err := f.message("value", func(f field) (err error) {
		switch f.number {
		case valueName:
			v.Name, err = f.text()
		case valueType:
			err = f.message("type", func(f field) error {
				if f.number != typeTensor {
					return nil
				}
				return v.readTensorType(f)
			})
		case valueDoc:
			v.Doc, err = f.text()
		}
		return err
	})
	*list = append(*list, v)
	return err
}

func (v *ValueInfo) readTensorType(f field) error {
	return f.message("tensor type", func(f field) (err error) {
		switch f.number {
		case typeElem:
			var kind int64
			kind, err = f.int()
			v.Type = DataType(kind)
		case typeShape:
			v.Dims = []Dim{}
			err = f.message("shape", func(f field) error {
				if f.number != shapeDim {
					return nil
				}
				d := Dim{Value: Unknown}
				err := d.read(f)
				v.Dims = append(v.Dims, d)
				return err
			})
		}
		return err
	})
}

// read takes the last of value and name, as protobuf does with a choice.
func (d *Dim) read(f field) error {
	return f.message("dimension", func(f field) error {
		switch f.number {
		case dimValue:
			value, err := f.int()
			*d = Dim{Value: max(value, Unknown)}
			return err
		case dimParam:
			name, err := f.text()
			*d = Dim{Param: name}
			if name == "" {
				d.Value = Unknown
			}
			return err
		}
		return nil
	})
}

func appendText(f field, list *[]string) error {
	s, err := f.text()
	*list = append(*list, s)
	return err
}

// field is one protobuf field: a varint, a fixed value, or bytes.
type field struct {
	where  string
	number protowire.Number
	kind   protowire.Type
	value  uint64
	body   []byte
}

// fields walks the fields of a message.
func fields(where string, data []byte, visit func(field) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return &FormatError{where, "is damaged: " + protowire.ParseError(n).Error()}
		}
		data = data[n:]
		f := field{where: where, number: number, kind: kind}
		switch kind {
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(data)
			f.value = uint64(v)
		case protowire.Fixed64Type:
			f.value, n = protowire.ConsumeFixed64(data)
		case protowire.BytesType:
			f.body, n = protowire.ConsumeBytes(data)
		default: // groups do not occur in onnx.proto3
			n = protowire.ConsumeFieldValue(number, kind, data)
		}
		if n < 0 {
			return &FormatError{where, "is damaged or cut off: " + protowire.ParseError(n).Error()}
		}
		data = data[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

var errKind = errors.New("has a field of another type than ONNX gives it")

func (f field) expect(kind protowire.Type) error {
	if f.kind != kind {
		return &FormatError{f.where, errKind.Error()}
	}
	return nil
}

func (f field) int() (int64, error) { return int64(f.value), f.expect(protowire.VarintType) }

func (f field) float() (float32, error) {
	return math.Float32frombits(uint32(f.value)), f.expect(protowire.Fixed32Type)
}

func (f field) text() (string, error) { return string(f.body), f.expect(protowire.BytesType) }

func (f field) bytes() ([]byte, error) {
	return append([]byte(nil), f.body...), f.expect(protowire.BytesType)
}

func (f field) message(where string, visit func(field) error) error {
	if err := f.expect(protowire.BytesType); err != nil {
		return err
	}
	return fields(where, f.body, visit)
}

// varints reads a list of varints, packed or one by one.
func (f field) varints(add func(uint64)) error {
	if f.kind == protowire.VarintType {
		add(f.value)
		return nil
	}
	if err := f.expect(protowire.BytesType); err != nil {
		return err
	}
	for body := f.body; len(body) > 0; {
		v, n := protowire.ConsumeVarint(body)
		if n < 0 {
			return &FormatError{f.where, "has a damaged list"}
		}
		add(v)
		body = body[n:]
	}
	return nil
}

// fixed32s reads a list of 4-byte values, packed or one by one.
func (f field) fixed32s(add func(uint32)) error {
	if f.kind == protowire.Fixed32Type {
		add(uint32(f.value))
		return nil
	}
	if f.kind != protowire.BytesType || len(f.body)%4 != 0 {
		return &FormatError{f.where, errKind.Error()}
	}
	for body := f.body; len(body) > 0; body = body[4:] {
		add(binary.LittleEndian.Uint32(body))
	}
	return nil
}

// fixed64s reads a list of 8-byte values, packed or one by one.
func (f field) fixed64s(add func(uint64)) error {
	if f.kind == protowire.Fixed64Type {
		add(f.value)
		return nil
	}
	if f.kind != protowire.BytesType || len(f.body)%8 != 0 {
		return &FormatError{f.where, errKind.Error()}
	}
	for body := f.body; len(body) > 0; body = body[8:] {
		add(binary.LittleEndian.Uint64(body))
	}
	return nil
}

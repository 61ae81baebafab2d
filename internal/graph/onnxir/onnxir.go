// Package onnxir is a small, pure-Go model of an ONNX file: Model, Graph, Node, Attribute, Tensor and ValueInfo, with a
// Builder that operators use to write their nodes, and readers and writers of the protobuf wire format. It knows ONNX,
// and nothing of ptychography or of Gorgonia: export lowers graphs into it, runtime and the commands read models with
// it.
//
// Field numbers and meanings follow onnx.proto3 of ONNX 1.12 (IR version 8, opset 17).
package onnxir

import "fmt"

// DataType is TensorProto.DataType.
type DataType int32

// The element types that ptyx writes or reads.
const (
	Float   DataType = 1
	Int64   DataType = 7
	Bool    DataType = 9
	Float16 DataType = 10
	Double  DataType = 11
)

// Model is ModelProto.
type Model struct {
	IRVersion       int64      `onnx:"1"`
	ProducerName    string     `onnx:"2"`
	ProducerVersion string     `onnx:"3"`
	Doc             string     `onnx:"6"`
	Graph           *Graph     `onnx:"7"`
	Opsets          []Opset    `onnx:"8"`
	Metadata        []Property `onnx:"14"` // metadata_props, in the order they are written
}

// Opset is OperatorSetIdProto; the empty domain is the standard one.
type Opset struct {
	Domain  string `onnx:"1"`
	Version int64  `onnx:"2"`
}

// Property is one StringStringEntryProto.
type Property struct {
	Key   string `onnx:"1"`
	Value string `onnx:"2"`
}

// Graph is GraphProto.
type Graph struct {
	Nodes        []*Node     `onnx:"1"`
	Name         string      `onnx:"2"`
	Initializers []*Tensor   `onnx:"5"`
	Doc          string      `onnx:"10"`
	Inputs       []ValueInfo `onnx:"11"`
	Outputs      []ValueInfo `onnx:"12"`
	ValueInfo    []ValueInfo `onnx:"13"`
}

// Node is NodeProto.
type Node struct {
	Inputs     []string    `onnx:"1,kept"` // an empty one is not given
	Outputs    []string    `onnx:"2,kept"`
	Name       string      `onnx:"3"`
	OpType     string      `onnx:"4"`
	Attributes []Attribute `onnx:"5"`
	Doc        string      `onnx:"6"`
	Domain     string      `onnx:"7"`
}

// Attribute is AttributeProto. Kind says which one of the values it has.
type Attribute struct {
	Name   string        `onnx:"1"`
	Float  float32       `onnx:"2"`
	Int    int64         `onnx:"3"`
	String string        `onnx:"4,kept"`
	Tensor *Tensor       `onnx:"5"`
	Floats []float32     `onnx:"7"`
	Ints   []int64       `onnx:"8"`
	Kind   AttributeKind `onnx:"20"`
}

// AttributeKind is AttributeProto.AttributeType.
type AttributeKind int32

// The attribute kinds that ptyx writes or reads.
const (
	KindFloat  AttributeKind = 1
	KindInt    AttributeKind = 2
	KindString AttributeKind = 3
	KindTensor AttributeKind = 4
	KindFloats AttributeKind = 6
	KindInts   AttributeKind = 7
)

// Int, Ints, Float and String make attributes.
func Int(name string, v int) Attribute { return Attribute{Name: name, Kind: KindInt, Int: int64(v)} }

// Ints makes a list-of-integers attribute.
func Ints(name string, v ...int) Attribute {
	return Attribute{Name: name, Kind: KindInts, Ints: int64s(v)}
}

// String makes a string attribute.
func String(name, v string) Attribute { return Attribute{Name: name, Kind: KindString, String: v} }

// Tensor is TensorProto with its elements as raw little-endian bytes.
type Tensor struct {
	Dims []int64  `onnx:"1"`
	Type DataType `onnx:"2"`
	Name string   `onnx:"8"`
	Raw  []byte   `onnx:"9"`
	Doc  string   `onnx:"12"`
}

// ValueInfo is ValueInfoProto of a tensor. Type is 0 where the value is no tensor, Dims nil where the shape is not
// given.
type ValueInfo struct {
	Name string
	Type DataType
	Dims []Dim
	Doc  string
}

// Dim is a dimension: a fixed Value, a symbolic Param ("batch"), or Unknown.
type Dim struct {
	Value int64
	Param string
}

// Unknown is the Value of a dimension that a file leaves open; some exporters write -1 for it, others nothing.
const Unknown = -1

// String gives the dimension as Netron shows it.
func (d Dim) String() string {
	switch {
	case d.Param != "":
		return d.Param
	case d.Value == Unknown:
		return "?"
	}
	return fmt.Sprint(d.Value)
}

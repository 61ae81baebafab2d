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
	IRVersion       int64
	ProducerName    string
	ProducerVersion string
	Doc             string
	Opsets          []Opset
	Graph           *Graph
	Metadata        []Property // metadata_props, in the order they are written
}

// Opset is OperatorSetIdProto; the empty domain is the standard one.
type Opset struct {
	Domain  string
	Version int64
}

// Property is one StringStringEntryProto.
type Property struct{ Key, Value string }

// Graph is GraphProto.
type Graph struct {
	Name         string
	Doc          string
	Nodes        []*Node
	Initializers []*Tensor
	Inputs       []ValueInfo
	Outputs      []ValueInfo
	ValueInfo    []ValueInfo
}

// Node is NodeProto.
type Node struct {
	Name       string
	OpType     string
	Domain     string
	Doc        string
	Inputs     []string
	Outputs    []string
	Attributes []Attribute
}

// Attribute is AttributeProto; exactly one of the value fields is meaningful, told by Kind.
type Attribute struct {
	Name   string
	Kind   AttributeKind
	Int    int64
	Float  float32
	String string
	Ints   []int64
	Floats []float32
	Tensor *Tensor
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
func Int(name string, v int64) Attribute { return Attribute{Name: name, Kind: KindInt, Int: v} }

// Ints makes a list-of-integers attribute.
func Ints(name string, v ...int64) Attribute { return Attribute{Name: name, Kind: KindInts, Ints: v} }

// FloatAttr makes a float attribute.
func FloatAttr(name string, v float32) Attribute {
	return Attribute{Name: name, Kind: KindFloat, Float: v}
}

// String makes a string attribute.
func String(name, v string) Attribute { return Attribute{Name: name, Kind: KindString, String: v} }

// Tensor is TensorProto with its elements as raw little-endian bytes.
type Tensor struct {
	Name string
	Type DataType
	Dims []int64
	Raw  []byte
	Doc  string
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

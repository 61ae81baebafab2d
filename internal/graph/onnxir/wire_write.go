package onnxir

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto3, by message.
const (
	modelIRVersion, modelProducer, modelProducerVersion, modelDoc, modelGraph, modelOpset, modelMetadata = 1, 2, 3, 6,
		7, 8, 14
	opsetDomain, opsetVersion                                                                 = 1, 2
	propertyKey, propertyValue                                                                = 1, 2
	graphNode, graphName, graphInitializer, graphDoc, graphInput, graphOutput, graphValueInfo = 1, 2, 5, 10,
		11, 12, 13
	nodeInput, nodeOutput, nodeName, nodeOpType, nodeAttribute, nodeDoc, nodeDomain = 1, 2, 3, 4,
		5, 6, 7
	attrName, attrFloat, attrInt, attrString, attrTensor, attrFloats, attrInts, attrType = 1, 2, 3, 4,
		5, 7, 8, 20
	tensorDims, tensorType, tensorFloats, tensorInt32s, tensorInt64s, tensorName, tensorRaw = 1, 2, 4, 5,
		7, 8, 9
	tensorDoubles, tensorDoc, tensorExternal, tensorLocation = 10, 12, 13,
		14
	valueName, valueType, valueDoc = 1, 2, 3
	typeTensor                     = 1
	typeElem, typeShape            = 1, 2
	shapeDim                       = 1
	dimValue, dimParam             = 1, 2
)

// wire appends protobuf fields. Fields of proto3's default value are left out where the schema lets them.
type wire []byte

func (w *wire) text(field protowire.Number, s string) {
	if s != "" {
		w.keepText(field, s)
	}
}

// keepText writes empty text too: an empty node input means "not given".
func (w *wire) keepText(field protowire.Number, s string) {
	*w = protowire.AppendTag(*w, field, protowire.BytesType)
	*w = protowire.AppendString(*w, s)
}

func (w *wire) varint(field protowire.Number, v int64) {
	*w = protowire.AppendTag(*w, field, protowire.VarintType)
	*w = protowire.AppendVarint(*w, uint64(v))
}

func (w *wire) float(field protowire.Number, v float32) {
	*w = protowire.AppendTag(*w, field, protowire.Fixed32Type)
	*w = protowire.AppendFixed32(*w, math.Float32bits(v))
}

func (w *wire) bytes(field protowire.Number, b []byte) {
	*w = protowire.AppendTag(*w, field, protowire.BytesType)
	*w = protowire.AppendBytes(*w, b)
}

// Marshal gives the bytes of an .onnx file. Equal models give equal bytes.
func (m *Model) Marshal() []byte {
	var w wire
	w.varint(modelIRVersion, m.IRVersion)
	w.text(modelProducer, m.ProducerName)
	w.text(modelProducerVersion, m.ProducerVersion)
	w.text(modelDoc, m.Doc)
	if m.Graph != nil {
		w.bytes(modelGraph, m.Graph.marshal())
	}
	for _, o := range m.Opsets {
		var sub wire
		sub.text(opsetDomain, o.Domain)
		sub.varint(opsetVersion, o.Version)
		w.bytes(modelOpset, sub)
	}
	for _, p := range m.Metadata {
		var sub wire
		sub.text(propertyKey, p.Key)
		sub.text(propertyValue, p.Value)
		w.bytes(modelMetadata, sub)
	}
	return w
}

func (g *Graph) marshal() []byte {
	var w wire
	for _, n := range g.Nodes {
		w.bytes(graphNode, n.marshal())
	}
	w.text(graphName, g.Name)
	for _, t := range g.Initializers {
		w.bytes(graphInitializer, t.marshal())
	}
	w.text(graphDoc, g.Doc)
	for _, list := range []struct {
		field protowire.Number
		infos []ValueInfo
	}{{graphInput, g.Inputs}, {graphOutput, g.Outputs}, {graphValueInfo, g.ValueInfo}} {
		for _, v := range list.infos {
			w.bytes(list.field, v.marshal())
		}
	}
	return w
}

func (n *Node) marshal() []byte {
	var w wire
	for _, in := range n.Inputs {
		w.keepText(nodeInput, in)
	}
	for _, out := range n.Outputs {
		w.keepText(nodeOutput, out)
	}
	w.text(nodeName, n.Name)
	w.text(nodeOpType, n.OpType)
	for _, a := range n.Attributes {
		w.bytes(nodeAttribute, a.marshal())
	}
	w.text(nodeDoc, n.Doc)
	w.text(nodeDomain, n.Domain)
	return w
}

func (a *Attribute) marshal() []byte {
	var w wire
	w.text(attrName, a.Name)
	switch a.Kind {
	case KindFloat:
		w.float(attrFloat, a.Float)
	case KindInt:
		w.varint(attrInt, a.Int)
	case KindString:
		w.keepText(attrString, a.String)
	case KindTensor:
		w.bytes(attrTensor, a.Tensor.marshal())
	case KindFloats:
		for _, v := range a.Floats {
			w.float(attrFloats, v)
		}
	case KindInts:
		for _, v := range a.Ints {
			w.varint(attrInts, v)
		}
	}
	w.varint(attrType, int64(a.Kind))
	return w
}

func (t *Tensor) marshal() []byte {
	var w wire
	for _, d := range t.Dims {
		w.varint(tensorDims, d)
	}
	w.varint(tensorType, int64(t.Type))
	w.text(tensorName, t.Name)
	w.bytes(tensorRaw, t.Raw)
	w.text(tensorDoc, t.Doc)
	return w
}

func (v *ValueInfo) marshal() []byte {
	var w wire
	w.text(valueName, v.Name)
	if v.Type != 0 || v.Dims != nil {
		var tensor, kind wire
		tensor.varint(typeElem, int64(v.Type))
		if v.Dims != nil {
			tensor.bytes(typeShape, marshalShape(v.Dims))
		}
		kind.bytes(typeTensor, tensor)
		w.bytes(valueType, kind)
	}
	w.text(valueDoc, v.Doc)
	return w
}

func marshalShape(dims []Dim) []byte {
	var shape wire
	for _, d := range dims {
		var dim wire
		switch {
		case d.Param != "":
			dim.text(dimParam, d.Param)
		case d.Value != Unknown:
			dim.varint(dimValue, d.Value)
		}
		shape.bytes(shapeDim, dim)
	}
	return shape
}

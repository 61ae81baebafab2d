package runtime

import (
	"errors"
	"fmt"

	ort "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/encoding/protowire"
)

// This file reads the inputs and outputs off a model's bytes. ONNX Runtime could tell them too, but the wrapper needs
// the names before it makes a session, and would make a second session only to ask: the costly part of a short run.

// TensorInfo is an input or output of a model.
type TensorInfo struct {
	Name  string
	Shape []int // -1 for a symbolic size, such as the batch
}

// signature is what a model takes and gives, in its own order.
type signature struct{ inputs, outputs []TensorInfo }

// Fields of onnx.proto.
const (
	modelGraph       = 7
	graphInitializer = 5
	graphInput       = 11
	graphOutput      = 12
	tensorName       = 8
	valueName        = 1
	valueType        = 2
	typeTensor       = 1
	tensorElement    = 1
	tensorShape      = 2
	shapeDim         = 1
	dimValue         = 1
)

// elementFloat is onnx.proto's number of float32.
const elementFloat = 1

// errNoShape says that the model leaves a shape to inference.
var errNoShape = errors.New("no shape in the file")

// readSignature reads a ModelProto. Inputs that have an initializer are constants with a default and left out, as ONNX
// Runtime does. If the model leaves a shape to be inferred, ONNX Runtime is asked after all.
func readSignature(model []byte) (signature, error) {
	s, err := parseSignature(model)
	if errors.Is(err, errNoShape) {
		s, err = inferSignature(model)
	}
	switch {
	case err != nil:
		return signature{}, err
	case len(s.inputs) == 0:
		return signature{}, errors.New("it has no inputs")
	case len(s.outputs) == 0:
		return signature{}, errors.New("it has no outputs")
	}
	return s, nil
}

func parseSignature(model []byte) (signature, error) {
	var s signature
	var graph []byte
	if err := eachField(model, func(number protowire.Number, bytes []byte, _ uint64) error {
		if number == modelGraph {
			graph = bytes
		}
		return nil
	}); err != nil {
		return s, fmt.Errorf("not an ONNX file: %w", err)
	}
	if graph == nil {
		return s, errors.New("not an ONNX file: it has no graph")
	}
	constants := map[string]bool{}
	var inputs, outputs [][]byte // which inputs are constants is known at the end
	err := eachField(graph, func(number protowire.Number, bytes []byte, _ uint64) error {
		switch number {
		case graphInitializer:
			name, err := parseName(bytes, tensorName)
			constants[name] = true
			return err
		case graphInput:
			inputs = append(inputs, bytes)
		case graphOutput:
			outputs = append(outputs, bytes)
		}
		return nil
	})
	if err == nil {
		s.inputs, err = parseValues(inputs, constants)
	}
	if err == nil {
		s.outputs, err = parseValues(outputs, nil)
	}
	return s, err
}

// parseValues reads ValueInfoProtos, but for constants.
func parseValues(messages [][]byte, constants map[string]bool) (values []TensorInfo, err error) {
	for _, bytes := range messages {
		name, err := parseName(bytes, valueName)
		if err != nil {
			return nil, err
		}
		if constants[name] {
			continue
		}
		value, err := parseValue(bytes)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// parseName reads the name of a TensorProto (tensorName) or ValueInfoProto (valueName), and passes the rest over.
func parseName(message []byte, field protowire.Number) (name string, err error) {
	err = eachField(message, func(number protowire.Number, bytes []byte, _ uint64) error {
		if number == field {
			name = string(bytes)
		}
		return nil
	})
	return name, err
}

// parseValue reads a ValueInfoProto.
func parseValue(value []byte) (info TensorInfo, err error) {
	var kind []byte
	if err = eachField(value, func(number protowire.Number, bytes []byte, _ uint64) error {
		switch number {
		case valueName:
			info.Name = string(bytes)
		case valueType:
			kind = bytes
		}
		return nil
	}); err != nil {
		return info, err
	}
	if info.Shape, err = parseType(kind); err != nil {
		return info, fmt.Errorf("%q: %w", info.Name, err)
	}
	return info, nil
}

// parseType reads the shape out of a TypeProto.
func parseType(kind []byte) ([]int, error) {
	var tensor []byte
	if err := eachField(kind, func(number protowire.Number, bytes []byte, _ uint64) error {
		if number == typeTensor {
			tensor = bytes
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if tensor == nil {
		return nil, errNoShape
	}
	var element uint64
	var shape []int
	known := false
	err := eachField(tensor, func(number protowire.Number, bytes []byte, v uint64) error {
		switch number {
		case tensorElement:
			element = v
		case tensorShape:
			known, shape = true, []int{}
			return eachField(bytes, func(number protowire.Number, bytes []byte, _ uint64) error {
				if number != shapeDim {
					return nil
				}
				d, err := parseDim(bytes)
				shape = append(shape, d)
				return err
			})
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case element != elementFloat:
		return nil, fmt.Errorf("its elements are not float32 (ONNX type %d)", element)
	case !known:
		return nil, errNoShape
	}
	return shape, nil
}

// parseDim reads a dimension: a size, or -1 if it is symbolic or unknown.
func parseDim(dim []byte) (size int, err error) {
	size = -1
	err = eachField(dim, func(number protowire.Number, bytes []byte, v uint64) error {
		// Only the size is a number; a symbol comes as bytes.
		if number == dimValue && bytes == nil {
			size = int(v)
		}
		return nil
	})
	if size < -1 {
		return size, fmt.Errorf("size %d of a dimension", size)
	}
	return size, err
}

// eachField calls f for every field of a message: with its bytes if it has a length, with its value if it is a varint.
func eachField(message []byte, f func(number protowire.Number, bytes []byte, value uint64) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var bytes []byte
		var value uint64
		switch kind {
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(message)
			bytes = bytes[:len(bytes):len(bytes)]
			if bytes == nil {
				bytes = []byte{}
			}
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		if err := f(number, bytes, value); err != nil {
			return err
		}
		message = message[n:]
	}
	return nil
}

// inferSignature lets ONNX Runtime infer the shapes, in a session that is thrown away.
func inferSignature(model []byte) (signature, error) {
	in, out, err := ort.GetInputOutputInfoWithONNXData(model)
	if err != nil {
		return signature{}, oneLine(err)
	}
	inputs, err := convertInfo(in)
	if err != nil {
		return signature{}, err
	}
	outputs, err := convertInfo(out)
	return signature{inputs, outputs}, err
}

func convertInfo(infos []ort.InputOutputInfo) ([]TensorInfo, error) {
	var converted []TensorInfo
	for _, info := range infos {
		if info.OrtValueType != ort.ONNXTypeTensor || info.DataType != ort.TensorElementDataTypeFloat {
			return nil, fmt.Errorf("%s: not a tensor of float32", &info)
		}
		t := TensorInfo{Name: info.Name, Shape: []int{}}
		for _, d := range info.Dimensions {
			t.Shape = append(t.Shape, int(d))
		}
		converted = append(converted, t)
	}
	return converted, nil
}

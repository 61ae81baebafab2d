package runtime

import (
	"errors"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"ptyx/internal/graph/onnxir"
)

// This file reads the inputs and outputs off a model's bytes. ONNX Runtime could tell them too, but the wrapper needs
// the names before it makes a session, and would make a second session only to ask: the costly part of a short run.

// TensorInfo is an input or output of a model.
type TensorInfo struct {
	Name  string
	Shape []int // -1 for a symbolic size, such as the batch
}

// signature is what a model takes and gives, in its own order. optional inputs have a default in the file.
type signature struct {
	inputs, outputs []TensorInfo
	optional        []onnxir.ValueInfo
}

// with adds optional inputs to those that are fed.
func (s signature) with(names []string) (signature, error) {
	for _, name := range names {
		i := slices.IndexFunc(s.optional, func(v onnxir.ValueInfo) bool { return v.Name == name })
		if i < 0 {
			return signature{}, fmt.Errorf("it has no input %q with a default", name)
		}
		infos, err := tensorInfos(s.optional[i : i+1])
		if err != nil {
			return signature{}, err
		}
		s.inputs = append(s.inputs, infos...)
	}
	return s, nil
}

// errNoShape says that the model leaves a shape to inference.
var errNoShape = errors.New("no shape in the file")

// readSignature reads what a model takes and gives. If the model leaves a shape to be inferred, ONNX Runtime is asked
// after all.
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
	file, err := onnxir.ReadSignature(model)
	if err != nil {
		return signature{}, fmt.Errorf("not an ONNX file: %w", err)
	}
	inputs, err := tensorInfos(file.Inputs)
	if err != nil {
		return signature{}, err
	}
	outputs, err := tensorInfos(file.Outputs)
	return signature{inputs, outputs, file.Optional}, err
}

func tensorInfos(values []onnxir.ValueInfo) ([]TensorInfo, error) {
	infos := make([]TensorInfo, len(values))
	for i, v := range values {
		switch {
		case v.Type == 0 || v.Dims == nil:
			return nil, fmt.Errorf("%q: %w", v.Name, errNoShape)
		case v.Type != onnxir.Float:
			return nil, fmt.Errorf("%q: its elements are not float32 (ONNX type %d)", v.Name, v.Type)
		}
		infos[i] = TensorInfo{Name: v.Name, Shape: make([]int, len(v.Dims))}
		for k, d := range v.Dims {
			if infos[i].Shape[k] = int(d.Value); d.Param != "" {
				infos[i].Shape[k] = -1
			}
		}
	}
	return infos, nil
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
	return signature{inputs: inputs, outputs: outputs}, err
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

package onnxir

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// read takes a tensor whatever field its elements are in, and checks that they are as many as its shape says.
func (t *Tensor) read(f field) error {
	external := false
	err := f.message("tensor", func(f field) (err error) {
		switch f.number {
		case tensorDims:
			err = f.varints(func(v uint64) { t.Dims = append(t.Dims, int64(v)) })
		case tensorType:
			var kind int64
			kind, err = f.int()
			t.Type = DataType(kind)
		case tensorName:
			t.Name, err = f.text()
		case tensorDoc:
			t.Doc, err = f.text()
		case tensorRaw:
			t.Raw = slices.Clone(f.body)
		case tensorFloats:
			err = f.fixed32s(func(v uint32) { t.Raw = binary.LittleEndian.AppendUint32(t.Raw, v) })
		case tensorInt64s:
			err = f.varints(func(v uint64) { t.Raw = binary.LittleEndian.AppendUint64(t.Raw, v) })
		case tensorInt32s:
			err = f.varints(func(v uint64) { t.appendNarrow(v) })
		case tensorDoubles:
			t.Raw = slices.Clone(f.body)
		case tensorExternal:
			external = true
		case tensorLocation:
			external = external || f.value != 0
		}
		return err
	})
	if err != nil {
		return err
	}
	if external {
		return &FormatError{"tensor " + t.Name, "keeps its values in another file, expected all in one"}
	}
	return t.check()
}

// appendNarrow stores an element of int32_data, which serves all types of up to 32 bits. The type may not be known yet;
// exporters write it first.
func (t *Tensor) appendNarrow(v uint64) {
	switch t.elementSize() {
	case 1:
		t.Raw = append(t.Raw, byte(v))
	case 2:
		t.Raw = binary.LittleEndian.AppendUint16(t.Raw, uint16(v))
	default:
		t.Raw = binary.LittleEndian.AppendUint32(t.Raw, uint32(v))
	}
}

// elementSize is the bytes of an element, or 0 for a type that is passed on without a look.
func (t *Tensor) elementSize() int {
	switch t.Type {
	case Bool, 2, 3: // uint8, int8
		return 1
	case Float16, 4, 5, 16: // uint16, int16, bfloat16
		return 2
	case Float, 6, 12: // int32, uint32
		return 4
	case Int64, Double, 13: // uint64
		return 8
	}
	return 0
}

func (t *Tensor) check() error {
	size := t.elementSize()
	if size == 0 {
		return nil
	}
	count := int64(1)
	for _, d := range t.Dims {
		if d < 0 || d > 0 && count > math.MaxInt64/8/d {
			return &FormatError{"tensor " + t.Name, fmt.Sprintf("has the impossible shape %v", t.Dims)}
		}
		count *= d
	}
	if count*int64(size) != int64(len(t.Raw)) {
		return &FormatError{"tensor " + t.Name, fmt.Sprintf("has %d bytes, its shape %v needs %d", len(t.Raw), t.Dims, count*int64(size))}
	}
	return nil
}

// Floats are the elements of a float or double tensor.
func (t *Tensor) Floats() ([]float32, error) {
	switch t.Type {
	case Float:
		out := make([]float32, len(t.Raw)/4)
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Raw[4*i:]))
		}
		return out, nil
	case Double:
		out := make([]float32, len(t.Raw)/8)
		for i := range out {
			out[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(t.Raw[8*i:])))
		}
		return out, nil
	}
	return nil, &FormatError{"tensor " + t.Name, fmt.Sprintf("is of ONNX type %d, expected float", t.Type)}
}

// Int64s are the elements of an int64 tensor.
func (t *Tensor) Int64s() ([]int64, error) {
	if t.Type != Int64 {
		return nil, &FormatError{"tensor " + t.Name, fmt.Sprintf("is of ONNX type %d, expected int64", t.Type)}
	}
	out := make([]int64, len(t.Raw)/8)
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(t.Raw[8*i:]))
	}
	return out, nil
}

// Property is the metadata value of a key.
func (m *Model) Property(key string) (string, bool) {
	for _, p := range m.Metadata {
		if p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}

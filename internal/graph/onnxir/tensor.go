package onnxir

import (
	"encoding/binary"
	"math"
	"reflect"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of a tensor's name, its elements, and the place of elements in another file.
const (
	tensorFloats                   protowire.Number = 4
	tensorInt32s                   protowire.Number = 5
	tensorInt64s                   protowire.Number = 7
	tensorName                     protowire.Number = 8
	tensorRaw                      protowire.Number = 9
	tensorDoubles                  protowire.Number = 10
	tensorExternal, tensorLocation protowire.Number = 13, 14
)

// read takes the elements from any of their fields, and checks that they are as many as the shape needs.
func (t *Tensor) read(f field) error {
	var source protowire.Number // the field of the elements
	var narrow []uint64         // elements of int32_data, until the type is known
	external, twice := false, false
	v := reflect.ValueOf(t).Elem()
	err := f.message("tensor", func(f field) (err error) {
		add := func(b []byte) { t.Raw = append(t.Raw, b...) }
		switch f.number {
		case tensorRaw:
			t.Raw, err = append([]byte(nil), f.body...), f.expect(protowire.BytesType)
		case tensorFloats:
			err = f.fixed(protowire.Fixed32Type, 4, add)
		case tensorDoubles:
			err = f.fixed(protowire.Fixed64Type, 8, add)
		case tensorInt64s:
			err = f.varints(func(v uint64) { t.Raw = binary.LittleEndian.AppendUint64(t.Raw, v) })
		case tensorInt32s:
			err = f.varints(func(v uint64) { narrow = append(narrow, v) })
		case tensorExternal, tensorLocation: // a list, which is never empty, and a number, which is 0 for this file
			external = external || len(f.body) > 0 || f.value != 0
			return nil
		default:
			return readInto(v, f)
		}
		twice = twice || source != 0 && source != f.number
		source = f.number
		return err
	})
	switch {
	case err != nil:
		return err
	case external:
		return t.fault("keeps its values in another file, expected all in one")
	case twice:
		return t.fault("holds its elements twice")
	case !t.elementsIn(source):
		return t.fault("is of ONNX type %d and holds elements of another one", t.Type)
	}
	for _, v := range narrow {
		t.appendNarrow(v)
	}
	return t.check()
}

func (t *Tensor) fault(format string, args ...any) error {
	return refuse(label("tensor", t.Name), format, args...)
}

// elementsIn reports whether a tensor of this type may have its elements in the given field.
func (t *Tensor) elementsIn(source protowire.Number) bool {
	size := t.elementSize()
	switch {
	case source == 0 || source == tensorRaw || size == 0:
		return true
	case source == tensorFloats:
		return t.Type == Float
	case source == tensorDoubles:
		return t.Type == Double
	case source == tensorInt64s:
		return t.Type == Int64
	}
	return t.Type != Float && size <= 4
}

// appendNarrow stores an element of int32_data, which serves all integers of up to 32 bits and half precision.
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

// maxRank is more dimensions than any tensor has; it keeps the sentences about shapes short.
const maxRank = 32

func (t *Tensor) check() error {
	size := t.elementSize()
	if size == 0 {
		return nil
	}
	if len(t.Dims) > maxRank {
		return t.fault("has %d dimensions", len(t.Dims))
	}
	count := int64(1)
	for _, d := range t.Dims {
		if d < 0 || d > 0 && count > math.MaxInt64/8/d {
			return t.fault("has the impossible shape %v", t.Dims)
		}
		count *= d
	}
	if count*int64(size) != int64(len(t.Raw)) {
		return t.fault("has %d bytes, its shape %v needs %d", len(t.Raw), t.Dims, count*int64(size))
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
	return nil, t.fault("is of ONNX type %d, expected float", t.Type)
}

// Int64s are the elements of an int64 tensor.
func (t *Tensor) Int64s() ([]int64, error) {
	if t.Type != Int64 {
		return nil, t.fault("is of ONNX type %d, expected int64", t.Type)
	}
	out := make([]int64, len(t.Raw)/8)
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(t.Raw[8*i:]))
	}
	return out, nil
}

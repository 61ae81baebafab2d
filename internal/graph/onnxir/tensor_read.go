package onnxir

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// read takes a tensor whatever field its elements are in, and checks that they are as many as its shape says.
func (t *Tensor) read(f field) error {
	var e elements
	err := f.message("tensor", func(f field) error {
		switch f.number {
		case tensorRaw, tensorFloats, tensorInt32s, tensorInt64s, tensorDoubles:
			e.twice = e.twice || e.source != 0 && e.source != f.number
			e.source = f.number
			return t.readElements(f, &e)
		case tensorExternal, tensorLocation: // a list, which is never empty, and a number, which is 0 for this file
			e.external = e.external || len(f.body) > 0 || f.value != 0
		}
		return t.readField(f)
	})
	switch {
	case err != nil:
		return err
	case e.external:
		return t.fault("keeps its values in another file, expected all in one")
	case e.twice:
		return t.fault("holds its elements twice")
	case !t.elementsIn(e.source):
		return t.fault(fmt.Sprintf("is of ONNX type %d and holds elements of another one", t.Type))
	}
	for _, v := range e.narrow {
		t.appendNarrow(v)
	}
	return t.check()
}

// elements is where a tensor's elements were met.
type elements struct {
	source   protowire.Number // the field that they are in
	narrow   []uint64         // those of int32_data, until the type is known
	external bool
	twice    bool
}

func (t *Tensor) readElements(f field, e *elements) (err error) {
	switch f.number {
	case tensorRaw:
		t.Raw, err = f.bytes()
	case tensorFloats:
		err = f.fixed32s(func(v uint32) { t.Raw = binary.LittleEndian.AppendUint32(t.Raw, v) })
	case tensorDoubles:
		err = f.fixed64s(func(v uint64) { t.Raw = binary.LittleEndian.AppendUint64(t.Raw, v) })
	case tensorInt64s:
		err = f.varints(func(v uint64) { t.Raw = binary.LittleEndian.AppendUint64(t.Raw, v) })
	case tensorInt32s:
		err = f.varints(func(v uint64) { e.narrow = append(e.narrow, v) })
	}
	return err
}

func (t *Tensor) readField(f field) (err error) {
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
	}
	return err
}

func (t *Tensor) fault(reason string) error {
	return &FormatError{label("tensor", t.Name), reason}
}

// elementsIn tells whether a tensor of this type may have its elements in the given field.
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

// appendNarrow stores an element of int32_data, which serves all whole types of up to 32 bits and the halves.
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
		return t.fault(fmt.Sprintf("has %d dimensions", len(t.Dims)))
	}
	count := int64(1)
	for _, d := range t.Dims {
		if d < 0 || d > 0 && count > math.MaxInt64/8/d {
			return t.fault(fmt.Sprintf("has the impossible shape %v", t.Dims))
		}
		count *= d
	}
	if count*int64(size) != int64(len(t.Raw)) {
		return t.fault(fmt.Sprintf("has %d bytes, its shape %v needs %d", len(t.Raw), t.Dims, count*int64(size)))
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
	return nil, t.fault(fmt.Sprintf("is of ONNX type %d, expected float", t.Type))
}

// Int64s are the elements of an int64 tensor.
func (t *Tensor) Int64s() ([]int64, error) {
	if t.Type != Int64 {
		return nil, t.fault(fmt.Sprintf("is of ONNX type %d, expected int64", t.Type))
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

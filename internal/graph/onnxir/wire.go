package onnxir

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// FormatError tells on one line why bytes are not a model that can be read. Callers add the file's name.
type FormatError struct {
	Where  string // message being read: graph, node, tensor "conv.weight"
	Reason string
}

// Error gives the sentence.
func (e *FormatError) Error() string { return fmt.Sprintf("%s: %s", e.Where, e.Reason) }

// refuse makes a FormatError.
func refuse(where, format string, args ...any) error {
	return &FormatError{where, fmt.Sprintf(format, args...)}
}

// label names a message that has a name of its own. The name is the file's: it is quoted, and cut if it is endless.
func label(what, name string) string { return fmt.Sprintf("%s %.64q", what, name) }

// A message is a struct whose fields have their numbers in onnx.proto3 as tags. Some messages read or write themselves.
type (
	reader interface{ read(field) error }
	writer interface{ marshal() []byte }
)

// member is a field of a message.
type member struct {
	number protowire.Number
	index  int
	kept   bool // written even where it is empty
}

// messages are the members of each message, in the order of their numbers.
var messages = func() map[reflect.Type][]member {
	all := map[reflect.Type][]member{}
	for _, m := range []any{Model{}, Opset{}, Property{}, Graph{}, Node{}, Attribute{}, Tensor{}, valueProto{},
		typeProto{}, tensorTypeProto{}, shapeProto{}, dimProto{}} {
		t := reflect.TypeOf(m)
		for i := range t.NumField() {
			tag, kept := strings.CutSuffix(t.Field(i).Tag.Get("onnx"), ",kept")
			if number, err := strconv.Atoi(tag); err == nil {
				all[t] = append(all[t], member{protowire.Number(number), i, kept})
			}
		}
		slices.SortFunc(all[t], func(a, b member) int { return int(a.number - b.number) })
	}
	return all
}()

// readInto gives a field to the member of a message that has its number. Fields without one are passed over.
func readInto(message reflect.Value, f field) error {
	for _, m := range messages[message.Type()] {
		if m.number == f.number {
			return f.into(message.Field(m.index))
		}
	}
	return nil
}

// into reads the field's value, or appends it to a list.
func (f field) into(v reflect.Value) error {
	if r, ok := v.Addr().Interface().(reader); ok {
		return r.read(f)
	}
	switch v.Kind() {
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.value))
		return f.expect(protowire.VarintType)
	case reflect.Float32:
		v.SetFloat(float64(math.Float32frombits(uint32(f.value))))
		return f.expect(protowire.Fixed32Type)
	case reflect.String:
		v.SetString(string(f.body))
		return f.expect(protowire.BytesType)
	case reflect.Pointer:
		if !v.IsNil() {
			return refuse(f.where, "has two %ss", nameOf(v.Type().Elem()))
		}
		v.Set(reflect.New(v.Type().Elem()))
		return f.into(v.Elem())
	case reflect.Slice:
		return f.onto(v)
	}
	return f.message(nameOf(v.Type()), func(f field) error { return readInto(v, f) })
}

// onto appends to a list. Lists of numbers come packed or one by one.
func (f field) onto(list reflect.Value) error {
	switch list := list.Addr().Interface().(type) {
	case *[]int64:
		return f.varints(func(v uint64) { *list = append(*list, int64(v)) })
	case *[]float32:
		return f.fixed(protowire.Fixed32Type, 4, func(b []byte) {
			*list = append(*list, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		})
	}
	list.Grow(1)
	list.SetLen(list.Len() + 1)
	last := list.Index(list.Len() - 1)
	last.SetZero()
	return f.into(last)
}

// nameOf is the name of a message for a sentence.
func nameOf(t reflect.Type) string { return strings.TrimSuffix(strings.ToLower(t.Name()), "proto") }

// marshalMembers gives the bytes of a message without the members that are left out.
func marshalMembers(message reflect.Value, leftOut ...protowire.Number) []byte {
	var b []byte
	for _, m := range messages[message.Type()] {
		if !slices.Contains(leftOut, m.number) {
			b = appendMember(b, m, message.Field(m.index))
		}
	}
	return b
}

// appendMember writes a member. Numbers are written even where they are 0, texts only where they are kept.
func appendMember(b []byte, m member, v reflect.Value) []byte {
	if w, ok := v.Addr().Interface().(writer); ok {
		return appendBytes(b, m.number, w.marshal())
	}
	switch v.Kind() {
	case reflect.Int32, reflect.Int64:
		return protowire.AppendVarint(protowire.AppendTag(b, m.number, protowire.VarintType), uint64(v.Int()))
	case reflect.Float32:
		b = protowire.AppendTag(b, m.number, protowire.Fixed32Type)
		return protowire.AppendFixed32(b, math.Float32bits(float32(v.Float())))
	case reflect.String:
		if v.String() == "" && !m.kept {
			return b
		}
		return appendBytes(b, m.number, []byte(v.String()))
	case reflect.Pointer:
		if v.IsNil() {
			return b
		}
		return appendMember(b, m, v.Elem())
	case reflect.Slice:
		if raw, ok := v.Interface().([]byte); ok {
			return appendBytes(b, m.number, raw)
		}
		for i := range v.Len() {
			b = appendMember(b, m, v.Index(i))
		}
		return b
	}
	return appendBytes(b, m.number, marshalMembers(v))
}

func appendBytes(b []byte, number protowire.Number, body []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), body)
}

// field is one protobuf field of a file: a varint, a fixed value, or bytes.
type field struct {
	where  string
	number protowire.Number
	kind   protowire.Type
	value  uint64
	body   []byte
}

// readFields walks the fields of a message.
func readFields(where string, data []byte, visit func(field) error) error {
	for len(data) > 0 {
		f := field{where: where}
		var n int
		if f.number, f.kind, n = protowire.ConsumeTag(data); n < 0 {
			return refuse(where, "is damaged: %v", protowire.ParseError(n))
		}
		data = data[n:]
		switch f.kind {
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
			n = protowire.ConsumeFieldValue(f.number, f.kind, data)
		}
		if n < 0 {
			return refuse(where, "is damaged or cut off: %v", protowire.ParseError(n))
		}
		data = data[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// expect refuses a field of another type than onnx.proto3 gives it.
func (f field) expect(kind protowire.Type) error {
	if f.kind != kind {
		return refuse(f.where, "has a field of another type than ONNX gives it")
	}
	return nil
}

// message walks the fields of a message.
func (f field) message(where string, visit func(field) error) error {
	if err := f.expect(protowire.BytesType); err != nil {
		return err
	}
	return readFields(where, f.body, visit)
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
			return refuse(f.where, "has a damaged list")
		}
		add(v)
		body = body[n:]
	}
	return nil
}

// fixed reads a list of little-endian values of size bytes, packed or one by one.
func (f field) fixed(kind protowire.Type, size int, add func([]byte)) error {
	body := f.body
	if f.kind == kind {
		body = binary.LittleEndian.AppendUint64(nil, f.value)[:size]
	} else if f.kind != protowire.BytesType || len(body)%size != 0 {
		return f.expect(kind)
	}
	for ; len(body) > 0; body = body[size:] {
		add(body[:size])
	}
	return nil
}

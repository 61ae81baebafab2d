package onnxir_test

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"ptyx/internal/graph/onnxir"
)

// The pieces of a file, by hand. Numbers are those of onnx.proto3.

func varint(field protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), uint64(v))
}

func message(field protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), bytes.Join(parts, nil))
}

func text(field protowire.Number, s string) []byte { return message(field, []byte(s)) }

func fixed32(field protowire.Number, v float32) []byte {
	return protowire.AppendFixed32(protowire.AppendTag(nil, field, protowire.Fixed32Type), math.Float32bits(v))
}

func fixed64(field protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(nil, field, protowire.Fixed64Type), math.Float64bits(v))
}

func model(graph ...[]byte) []byte { return message(7, graph...) }

func weights(parts ...[]byte) []byte {
	return model(message(5, append([][]byte{text(8, "w")}, parts...)...))
}

func attribute(parts ...[]byte) []byte {
	return model(message(1, message(5, append([][]byte{text(1, "a")}, parts...)...)))
}

func dimension(parts ...[]byte) []byte {
	return model(message(11, message(2, message(1, message(2, message(1, parts...))))))
}

func TestMalformedFilesAreRefused(t *testing.T) {
	float, two := varint(2, 1), varint(1, 2)
	for _, c := range []struct {
		name string
		data []byte
		says string
	}{
		{"nothing", nil, "model: has no graph; this is not an ONNX file"},
		{"no graph", varint(1, 8), "model: has no graph"},
		{"text", []byte("This is no model."), "model: is damaged"},
		{"a zip archive", []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00"), "model: is damaged"},
		{"field number 0", []byte{0, 0}, "model: is damaged"},
		{"a group without end", []byte{0x0b}, "model: is damaged or cut off"},
		{"an end without group", []byte{0x0c}, "model: is damaged or cut off"},
		{"an endless number", bytes.Repeat([]byte{0xff}, 20), "model: is damaged"},
		{"two graphs", slices.Concat(model(), model()), "model: has two graphs"},
		{"a graph that is a number", varint(7, 1), "has a field of another type than ONNX gives it"},
		{"a version that is a text", slices.Concat(text(1, "8"), model()), "model: has a field of another type"},
		{"a name that is a number", model(varint(2, 1)), "graph: has a field of another type"},
		{"a node that is a number", model(varint(1, 1)), "graph: has a field of another type"},
		{"an input that is a number", model(message(1, varint(1, 1))), "node: has a field of another type"},
		{"a size that is a text", dimension(text(1, "4")), "dimension: has a field of another type"},

		{"fewer elements", weights(two, float, message(9, sample(7))),
			`tensor "w": has 7 bytes, its shape [2] needs 8`},
		{"more elements", weights(two, float, message(9, sample(12))),
			`tensor "w": has 12 bytes, its shape [2] needs 8`},
		{"no elements", weights(two, float), `tensor "w": has 0 bytes, its shape [2] needs 8`},
		{"a negative size", weights(varint(1, -1), float, message(9, sample(4))),
			`tensor "w": has the impossible shape [-1]`},
		{"a product of negative sizes", weights(varint(1, -1), varint(1, -1), float, message(9, sample(4))),
			"has the impossible shape [-1 -1]"},
		{"a product that wraps around", weights(varint(1, 1<<32), varint(1, 1<<32), float),
			"has the impossible shape [4294967296 4294967296]"},
		{"a size of almost 2^63", weights(varint(1, math.MaxInt64), float), "has the impossible shape"},
		{"endless dimensions", weights(bytes.Repeat(varint(1, 1), 1000), float, message(9, sample(4))),
			"has 1000 dimensions"},
		{"dimensions that are a float", weights(fixed32(1, 2), float), "tensor: has a field of another type"},
		{"a damaged list of dimensions", weights(text(1, "\x02\xff"), float), "tensor: has a damaged list"},
		{"raw data that are a number", weights(two, float, varint(9, 8)), "tensor: has a field of another type"},
		{"half a float", weights(two, float, message(4, sample(6))), "tensor: has a field of another type"},
		{"half a double", weights(two, varint(2, 11), message(10, sample(12))), "tensor: has a field of another type"},
		{"floats in int64_data", weights(two, float, varint(7, 1)),
			`tensor "w": is of ONNX type 1 and holds elements of another one`},
		{"floats in int32_data", weights(two, float, varint(5, 1), varint(5, 1)),
			"is of ONNX type 1 and holds elements of another one"},
		{"integers in float_data", weights(two, varint(2, 6), fixed32(4, 1), fixed32(4, 1)),
			"is of ONNX type 6 and holds elements of another one"},
		{"doubles in float_data", weights(varint(1, 1), varint(2, 11), fixed32(4, 1), fixed32(4, 1)),
			"holds elements of another one"},
		{"raw and typed data", weights(two, float, fixed32(4, 1), fixed32(4, 1), message(9, sample(8))),
			"holds its elements twice"},
		{"external data", weights(two, float, message(13, text(1, "location"), text(2, "weights.bin"))),
			"keeps its values in another file"},
		{"external data by its mark", weights(two, float, message(9, sample(8)), varint(14, 1)),
			"keeps its values in another file"},
		{"a name of two lines", model(message(5, text(8, "a\nb"), two, float)), `tensor "a\nb": has 0 bytes`},
		{"an endless name", model(message(5, text(8, strings.Repeat("w", 1<<16)), two, float)), "has 0 bytes"},

		{"values of two kinds", attribute(varint(3, 1), fixed32(2, 1), varint(20, 2)),
			`attribute "a": has values of two kinds`},
		{"a value of another kind", attribute(varint(3, 1), varint(20, 1)),
			`attribute "a": has a value of kind 2 and declares kind 1`},
		{"no tensor", attribute(varint(20, 4)), `attribute "a": has no tensor`},
		{"a damaged tensor", attribute(message(5, varint(1, -1), float), varint(20, 4)),
			"has the impossible shape [-1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if m := sound(t, c.data); m != nil {
				t.Fatalf("accepted as %+v", m)
			}
			if _, err := onnxir.Unmarshal(c.data); !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error lacks %q: %v", c.says, err)
			}
		})
	}
}

// A length or a shape that a file cannot keep costs nothing: memory follows the bytes that are there.
func TestMemoryFollowsTheSizeOfTheFile(t *testing.T) {
	length := func(field protowire.Number, n uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.BytesType), n)
	}
	for name, data := range map[string][]byte{
		"a graph of 2^62 bytes": length(7, 1<<62),
		"a tensor of 1 GB":      model(message(5, length(9, 1<<30))),
		"a shape of 2^60":       weights(varint(1, 1<<60), varint(2, 9), message(9, sample(9))),
		"4 MB of floats":        weights(varint(1, 1<<20), varint(2, 1), message(9, make([]byte, 4<<20))),
		"nodes of no bytes":     model(bytes.Repeat(message(1), 1<<16)),
		"attributes":            model(message(1, bytes.Repeat(message(5), 1<<16))),
		"packed integers":       attribute(message(8, make([]byte, 1<<18))),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		sound(t, data)
		runtime.ReadMemStats(&after)
		// The dearest are empty attributes: 112 bytes for 2, about four times in the course of appending. A sound model
		// is read twice and written twice.
		if spent, limit := after.TotalAlloc-before.TotalAlloc, 1500*uint64(len(data))+1<<16; spent > limit {
			t.Errorf("%s: %d bytes of memory for a file of %d", name, spent, len(data))
		}
	}
}

// Lists come packed or one by one, in one piece or in several, and whole numbers that are 0 need not be there.
func TestEitherFormOfAList(t *testing.T) {
	want := []float32{1, 2}
	one, two := fixed32(4, 1), fixed32(4, 2)
	packed := message(4,
		protowire.AppendFixed32(protowire.AppendFixed32(nil, math.Float32bits(1)), math.Float32bits(2)))
	dims, float := varint(1, 2), varint(2, 1)
	for name, data := range map[string][]byte{
		"one by one":         weights(dims, float, one, two),
		"packed":             weights(dims, float, packed),
		"in two pieces":      weights(dims, float, message(4, one[1:]), message(4, two[1:])),
		"mixed":              weights(dims, float, one, message(4, two[1:])),
		"packed dimensions":  weights(message(1, []byte{2}), float, packed),
		"the type last":      weights(packed, dims, float),
		"one by one, double": weights(dims, varint(2, 11), fixed64(10, 1), fixed64(10, 2)),
		"packed double":      weights(dims, varint(2, 11), message(10, fixed64(10, 1)[1:], fixed64(10, 2)[1:])),
		"the location given": weights(dims, float, packed, varint(14, 0)),
	} {
		m := sound(t, data)
		if m == nil {
			t.Errorf("%s: refused", name)
			continue
		}
		if got, err := m.Graph.Initializers[0].Floats(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	// uint16, the type after the elements
	m := sound(t, weights(varint(5, 1), varint(5, -1), varint(1, 2), varint(2, 4)))
	if m == nil || !bytes.Equal(m.Graph.Initializers[0].Raw, []byte{1, 0, 0xff, 0xff}) {
		t.Errorf("uint16 in int32_data: %+v", m)
	}
	for name, data := range map[string][]byte{
		"one by one": attribute(varint(8, 1), varint(8, 2), varint(20, 7)),
		"packed":     attribute(message(8, []byte{1, 2}), varint(20, 7)),
		"no kind":    attribute(varint(8, 1), varint(8, 2)),
	} {
		if m := sound(t, data); m == nil || !slices.Equal(m.Graph.Nodes[0].Attributes[0].Ints, []int64{1, 2}) {
			t.Errorf("integers, %s: %+v", name, m)
		}
	}
}

func TestDimensions(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		want onnxir.Dim
		text string
	}{
		{"fixed", dimension(varint(1, 64)), onnxir.Dim{Value: 64}, "64"},
		{"symbolic", dimension(text(2, "batch")), onnxir.Dim{Param: "batch"}, "batch"},
		{"empty", dimension(), onnxir.Dim{Value: onnxir.Unknown}, "?"},
		{"without a name", dimension(text(2, "")), onnxir.Dim{Value: onnxir.Unknown}, "?"},
		{"-1", dimension(varint(1, -1)), onnxir.Dim{Value: onnxir.Unknown}, "?"},
		{"-9", dimension(varint(1, -9)), onnxir.Dim{Value: onnxir.Unknown}, "?"},
		{"0", dimension(varint(1, 0)), onnxir.Dim{}, "0"},
		{"both, the name last", dimension(varint(1, 64), text(2, "n")), onnxir.Dim{Param: "n"}, "n"},
		{"both, the value last", dimension(text(2, "n"), varint(1, 64)), onnxir.Dim{Value: 64}, "64"},
	} {
		m := sound(t, c.data)
		if m == nil {
			t.Errorf("%s: refused", c.name)
			continue
		}
		if got := m.Graph.Inputs[0].Dims; !slices.Equal(got, []onnxir.Dim{c.want}) || got[0].String() != c.text {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

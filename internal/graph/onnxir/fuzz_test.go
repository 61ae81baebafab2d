package onnxir_test

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"ptyx/internal/graph/onnxir"
)

// sound is what every reading must be: a *FormatError of one readable line, or a model that writes back and reads the
// same.
func sound(t *testing.T, data []byte) *onnxir.Model {
	t.Helper()
	m, err := onnxir.Unmarshal(data)
	if err != nil {
		var fault *onnxir.FormatError
		if text := err.Error(); !errors.As(err, &fault) || strings.ContainsAny(text, "\n\r") || len(text) > 1000 ||
			m != nil {
			t.Fatalf("an error of type %T, with a model %t: %q", err, m != nil, text)
		}
		return nil
	}
	back := m.Marshal()
	again, err := onnxir.Unmarshal(back)
	if err != nil {
		t.Fatalf("what was read does not read again: %v", err)
	}
	if !bytes.Equal(again.Marshal(), back) {
		t.Fatal("what was read is written in two ways")
	}
	if withoutNaN(m); !reflect.DeepEqual(m, withoutNaN(again)) {
		t.Fatalf("read\n%+v %+v\nread again\n%+v %+v", m, m.Graph, again, again.Graph)
	}
	return m
}

// withoutNaN makes a model comparable: NaN is not equal to itself. The bytes have been compared.
func withoutNaN(m *onnxir.Model) *onnxir.Model {
	for _, n := range m.Graph.Nodes {
		for i := range n.Attributes {
			a := &n.Attributes[i]
			if a.Float != a.Float {
				a.Float = 1
			}
			for j, v := range a.Floats {
				if v != v {
					a.Floats[j] = 1
				}
			}
		}
	}
	return m
}

// FuzzUnmarshal: whatever the bytes, reading is sound. The seeds in testdata/fuzz are those of onnx's own Python
// package.
func FuzzUnmarshal(f *testing.F) {
	f.Add(full().Marshal())
	foreign, err := os.ReadFile("testdata/foreign.onnx")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(foreign)
	f.Fuzz(func(t *testing.T, data []byte) { sound(t, data) })
}

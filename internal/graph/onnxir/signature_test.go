package onnxir_test

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"

	"ptyx/internal/graph/onnxir"
)

// What ReadSignature reads is what Unmarshal reads.
func TestReadSignatureAgreesWithUnmarshal(t *testing.T) {
	files, err := filepath.Glob("../../../runtime/testdata/*.onnx")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d models, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnxir.Unmarshal(data)
		if err != nil {
			t.Fatal(err)
		}
		constants := map[string]bool{}
		for _, w := range m.Graph.Initializers {
			constants[w.Name] = true
		}
		want := onnxir.Signature{Outputs: m.Graph.Outputs}
		for _, in := range m.Graph.Inputs {
			if constants[in.Name] {
				want.Optional = append(want.Optional, in)
			} else {
				want.Inputs = append(want.Inputs, in)
			}
		}
		if got, err := onnxir.ReadSignature(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %+v (%v), want %+v", file, got, err, want)
		}
	}
}

func TestReadSignatureRefusesBytesWithoutAGraph(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("no model"), {0x3a, 0, 0x3a, 0}} {
		if _, err := onnxir.ReadSignature(data); err == nil {
			t.Errorf("%q: no error", data)
		}
	}
}

// Weights are passed over, not copied: the signature of a large model costs what that of a small one does.
func TestReadSignatureCopiesNoWeights(t *testing.T) {
	b := onnxir.NewBuilder("g", onnxir.Target{})
	b.Initializer("w", make([]float32, 1<<20), 1<<20)
	data := (&onnxir.Model{Graph: b.Graph}).Marshal()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _ = onnxir.ReadSignature(data)
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 1<<16 {
		t.Errorf("reading the signature of a model of %d bytes allocates %d bytes", len(data), bytes)
	}
}

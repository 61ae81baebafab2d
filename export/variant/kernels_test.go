package variant_test

import (
	"slices"
	"testing"

	"ptyx/export/variant"
	"ptyx/internal/graph/onnxir"
	"ptyx/models"
	"ptyx/runtime/runtimetest"
)

// Opset 22 changed operators whose CUDA kernels ONNX Runtime has not extended: docs/export.md says so.
func TestCUDAHasKernelsForEveryVariant(t *testing.T) {
	var missing []string
	for _, kind := range []models.Kind{models.Pattern, models.Unrolled} {
		model, _ := checkpoint(t, kind, 1, models.Full)
		for opset := int64(13); opset <= 23; opset++ {
			for _, o := range []variant.Options{{Opset: opset}, {Opset: opset, Half: true, Simplify: true, Batch: 2}} {
				changed, err := variant.Make(model, o)
				if err != nil {
					t.Fatal(err)
				}
				m, err := onnxir.Unmarshal(changed)
				if err != nil {
					t.Fatal(err)
				}
				lacks := runtimetest.WithoutKernel(t, "cuda", m)
				if opset < 22 && len(lacks) > 0 {
					t.Errorf("%s, %+v: CUDA has no kernels for %v", kind, o, lacks)
				}
				missing = append(missing, lacks...)
			}
		}
	}
	slices.Sort(missing)
	want := []string{"Cos 22 float", "MaxPool 22 float", "MaxPool 22 float16", "Sin 22 float"}
	if got := slices.Compact(missing); !slices.Equal(got, want) {
		t.Errorf("in opset 22 and 23 CUDA has no kernels for %v, want %v", got, want)
	}
}

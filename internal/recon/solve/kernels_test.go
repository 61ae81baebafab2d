package solve

import (
	"testing"

	"ptyx/export"
	"ptyx/internal/recon/engine"
	ort "ptyx/runtime"
	"ptyx/runtime/runtimetest"
)

// CUDA refuses a step with an operator that it has no kernel for.
func TestCUDAHasKernelsForTheStep(t *testing.T) {
	target := engine.NewORT(nil, ort.SessionOptions{Device: ort.CUDA}).Target
	for _, way := range ways {
		c, _ := small(way)
		p, err := newStep(c)
		if err != nil {
			t.Fatal(err)
		}
		m, err := export.Lower(p, target)
		if err != nil {
			t.Fatal(err)
		}
		if lacks := runtimetest.WithoutKernel(t, "cuda", m); len(lacks) > 0 {
			t.Errorf("%v: CUDA has no kernels for %v", way, lacks)
		}
	}
}

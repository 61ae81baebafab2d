package export_test

import (
	"slices"
	"testing"

	"ptyx/models"
	"ptyx/runtime/runtimetest"
)

// CUDA refuses a model with an operator that it has no kernel for; DirectML and CoreML leave it to the CPU.
func TestProvidersHaveKernelsForEveryCheckpoint(t *testing.T) {
	eachNetwork(t, func(t *testing.T, c models.Config) {
		m := checkpoint(t, c)
		for _, provider := range []string{"cuda", "dml"} {
			if lacks := runtimetest.WithoutKernel(t, provider, m); len(lacks) > 0 {
				t.Errorf("%s has no kernels for %v", provider, lacks)
			}
		}
	})
}

func TestCoreMLLeavesThreeOperatorsToTheCPU(t *testing.T) {
	c := network(1, models.Full)
	c.Kind = models.Unrolled
	want := []string{"Log 13 float", "Neg 13 float", "SpaceToDepth 13 float"}
	if got := runtimetest.WithoutKernel(t, "coreml", checkpoint(t, c)); !slices.Equal(got, want) {
		t.Errorf("CoreML lacks %v, want %v", got, want)
	}
}

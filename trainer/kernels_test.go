package trainer

import (
	"fmt"
	"testing"

	"ptyx/export"
	"ptyx/internal/graph/program"
	"ptyx/internal/recon/engine"
	"ptyx/models"
	ort "ptyx/runtime"
	"ptyx/runtime/runtimetest"
)

// CUDA refuses a step with an operator that it has no kernel for.
func TestCUDAHasKernelsForEveryStep(t *testing.T) {
	t.Parallel()
	target := engine.NewORT(nil, ort.SessionOptions{Device: ort.CUDA}).Target
	all := Loss{Poisson: 1, MAE: 1, Smoothness: 1}
	for _, kind := range []models.Kind{models.Pattern, models.Unrolled} {
		net, channels := netOf(1), netOf(4)
		net.Kind, channels.Kind = kind, kind
		steps := map[string]StepConfig{
			"single":     {Net: net, Samples: 2, Group: 1, Loss: all},
			"shared":     {Net: net, Samples: 2, Group: 4, Canvas: 80, Loss: all, TrainProbe: true},
			"channels":   {Net: channels, Samples: 2, Group: 4, Loss: all, TrainProbe: true},
			"masked":     {Net: net, Samples: 2, Group: 1, Loss: all, TrainProbe: true, Masked: true},
			"scans":      {Net: net, Samples: 2, Group: 4, Scans: 2, Canvas: 80, Loss: all, TrainProbe: true},
			"supervised": {Net: net, Samples: 2, Group: 1, Loss: Loss{MAE: 1, Smoothness: 1}, Supervised: true},
		}
		if kind == models.Unrolled {
			delete(steps, "channels") // it has none
		}
		for name, c := range steps {
			c.PoissonFloor, c.AmplitudeFloor = DefaultFloor, DefaultFloor
			step, err := NewStep(c)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []*program.Program{step.Training, step.Loss} {
				m, err := export.Lower(p, target)
				if err != nil {
					t.Fatal(err)
				}
				if lacks := runtimetest.WithoutKernel(t, "cuda", m); len(lacks) > 0 {
					t.Error(fmt.Sprintf("%s, %s, %s: CUDA has no kernels for ", kind, name, p.Name), lacks)
				}
			}
		}
	}
}

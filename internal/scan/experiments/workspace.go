package experiments

import (
	"math/rand/v2"

	"ptyx/internal/physics/optics"
	"ptyx/internal/physics/spectrum"
)

// workspace holds what the making of a sample of n x n pixels needs, so that samples allocate next to nothing.
type workspace struct {
	*rand.Rand
	n          int
	far        *spectrum.Transform
	propagator *optics.Propagator
	wave       []complex128 // (n, n)
	probe      []complex128 // (n, n), the true one
	intensity  []float64    // (n, n)
	thickness  [2][]float64 // (n, n) each, of the phase and of the absorption
}

func newWorkspace(n int) *workspace {
	w := &workspace{
		n: n, far: spectrum.NewTransform(n, n), propagator: optics.NewPropagator(n),
		wave: make([]complex128, n*n), probe: make([]complex128, n*n), intensity: make([]float64, n*n),
	}
	for i := range w.thickness {
		w.thickness[i] = make([]float64, n*n)
	}
	return w
}

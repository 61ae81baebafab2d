package solve

import (
	"fmt"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/recon/engine"
)

// TestEPIEUsesTheGradientsOfTheGraph: misfit, likelihood and gradients of a pattern are those of the graph, with two
// modes and a subpixel shift, for both likelihoods, with a mask and without.
func TestEPIEUsesTheGradientsOfTheGraph(t *testing.T) {
	const n, size = 8, 64
	for _, way := range ways {
		probe := ndarray.New[complex64](2, n, n)
		re, im := testutil.Uniform(1, -1, 1, 2, n, n), testutil.Uniform(2, -1, 1, 2, n, n)
		for i := range probe.Data {
			probe.Data[i] = complex(re.Data[i], im.Data[i])
		}
		p := Problem{
			Patterns: Amplitudes{testutil.Uniform(5, 0.2, 2, 1, n, n)}, X: []float64{10.3}, Y: []float64{9.55},
			Probe: probe,
		}
		if way.masked {
			p.Measured = make([]bool, size)
			for q := range p.Measured {
				p.Measured[q] = q%3 != 0
			}
		}
		s, err := newState(p, Options{Likelihood: way.likelihood, Modes: 2})
		if err != nil {
			t.Fatal(err)
		}
		copy(s.object.re, testutil.Uniform(3, -1, 1, n, n).Data)
		copy(s.object.im, testutil.Uniform(4, -1, 1, n, n).Data)
		step, err := newStepper(s, engine.Tape{})
		if err != nil {
			t.Fatal(err)
		}
		var graph *replica
		if err := step.each([]int{0}, func(r *replica) error { graph = r; return nil }); err != nil {
			t.Fatal(err)
		}

		m, sum := newEPIE(s), misfits{}
		m.readProbe()
		peak, err := m.gradients(0, &sum)
		if err != nil {
			t.Fatal(err)
		}
		near := func(what string, got, want []float32) {
			t.Helper()
			testutil.CheckClose(t, fmt.Sprint(way, ", ", what), got, want, 1e-4) // the graph computes in float32
		}
		near("misfit", []float32{float32(sum.squares)}, graph.misfit.Data)
		near("loss", []float32{float32(sum.loss)}, graph.loss.Data)
		near("object.re", m.gradient, graph.objectGradRe.Data)
		near("object.im", m.gradientIm, graph.objectGradIm.Data)
		if !(peak > 0) {
			t.Errorf("%v: the peak of the light is %v", way, peak)
		}

		before := *s.unknowns().clone()
		m.updateProbe(1)
		m.writeProbe()
		patch := float32(0)
		for i, v := range s.object.re {
			patch = max(patch, v*v+s.object.im[i]*s.object.im[i])
		}
		change := func(now, old []float32) []float32 {
			out := make([]float32, len(now))
			for i := range now {
				out[i] = (old[i] - now[i]) * patch
			}
			return out
		}
		near("probe.re", change(s.probeRe.Data, before.probe[0]), graph.probeGradRe.Data)
		near("probe.im", change(s.probeIm.Data, before.probe[1]), graph.probeGradIm.Data)
		if err := step.close(); err != nil {
			t.Error(err)
		}
	}
}

package trainer

import (
	"math"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/recon/engine"
)

// Try computes the first step of a training: its loss, and a gradient for each trained array.
func TestTryIsTheFirstStep(t *testing.T) {
	t.Parallel()
	scan := opened(t, simulated(t, 6, 3))
	for name, change := range map[string]func(*Config){
		"single patterns": func(*Config) {},
		"replicas":        func(c *Config) { c.Threads, c.BatchSize = 2, 4 },
		"groups, trainable probe": func(c *Config) {
			c.Gridsize, c.BatchSize, c.Probe = 2, 4, ProbeTrainable
		},
	} {
		c := small()
		change(&c)
		e := fast(t, c.Threads)
		b := bind(t, e, c, scan, e.Replicas(c.samples(6)))
		groups := inOrder(6, b.fitter.samples())[0]
		want := b.run(t, groups)
		got, err := Try(e, c, b.fitter.train, scan.Probe)
		if err != nil {
			t.Fatal(err)
		}
		if !testutil.Close(got.Loss, want, 0, 1e-6) || got.Took <= 0 {
			t.Errorf("%s: loss %g, want %g, in %v", name, got.Loss, want, got.Took)
		}
		var parts [][]*ndarray.Float32
		for _, r := range b.fitter.replicas {
			parts = append(parts, r.grads)
		}
		gather(parts, 1)
		if len(got.Gradients) != len(parts[0]) {
			t.Fatalf("%s: %d gradients, want %d", name, len(got.Gradients), len(parts[0]))
		}
		for i, g := range got.Gradients {
			if !ndarray.SameShape(g.Shape, parts[0][i].Shape) {
				t.Errorf("%s: gradient %d has the shape %v, want %v", name, i, g.Shape, parts[0][i].Shape)
			}
		}
		if d := relative(flatten(got.Gradients), flatten(parts[0])); d > 1e-3 {
			t.Errorf("%s: the gradients differ by %g", name, d)
		}
	}
}

// relative is |a - b| / |b|.
func relative(a, b []float32) float64 {
	difference, norm := 0.0, 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		difference, norm = difference+d*d, norm+float64(b[i])*float64(b[i])
	}
	return math.Sqrt(difference / norm)
}

// Try refuses what no training can have.
func TestTryRefusesSettings(t *testing.T) {
	t.Parallel()
	data := simulated(t, 1, 1)
	c := small()
	c.BatchSize = 0
	_, err := Try(engine.Tape{}, c, &Data{Patterns: data.Patterns}, data.Probe)
	if err == nil || !strings.Contains(err.Error(), "batch_size") {
		t.Errorf("%v", err)
	}
}

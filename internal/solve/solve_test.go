package solve

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"ptyx/internal/engine"
	"ptyx/internal/metrics"
	"ptyx/internal/ndarray"
	"ptyx/internal/simulate"
	"ptyx/internal/spectrum"
	"ptyx/runtime"
)

// fast is the engine on ONNX Runtime. A machine without the library fails.
func fast(t *testing.T, threads int) engine.Engine {
	t.Helper()
	library, err := runtime.Find("")
	if err != nil {
		t.Fatalf("these tests need ONNX Runtime; `make test` obtains it: %v", err)
	}
	env, err := runtime.Open(library)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	return engine.NewORT(env, runtime.SessionOptions{Device: runtime.CPU, Threads: threads})
}

// simulated is a scan with its truth.
func simulated(t *testing.T, count int, photons float64) (Problem, metrics.Image) {
	t.Helper()
	data, err := simulate.Run(simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 16,
		Scan: simulate.Fermat, Count: count, Step: 5, Photons: photons, Seed: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	return Problem{Patterns: data.Patterns, X: data.X, Y: data.Y, Probe: data.Probe}, metrics.Image{Object: data.Object}
}

func usual() Options {
	o := Defaults(60)
	o.Threads = 2
	return o
}

func solved(t *testing.T, p Problem, o Options) *Solution {
	t.Helper()
	s, err := Run(t.Context(), p, o, fast(t, o.Threads), func(Pass) {})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// correlation is the complex correlation with the truth, as ptyx eval has it.
func correlation(t *testing.T, s *Solution, truth metrics.Image) float64 {
	t.Helper()
	report, err := metrics.Compare(metrics.Image{Object: s.Object, Row: s.Row, Col: s.Col, Coverage: s.Coverage}, truth, metrics.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return report.Correlation
}

// defocused gives the far field of a probe a parabolic phase.
func defocused(p *ndarray.Complex64, curvature float64) *ndarray.Complex64 {
	n := p.Shape[0]
	f := spectrum.New(n, n)
	for i, v := range p.Data {
		f.Data[i] = complex128(v)
	}
	f.FFT()
	for i := range f.Data {
		y, x := float64(spectrum.Frequency(i/n, n)), float64(spectrum.Frequency(i%n, n))
		sin, cos := math.Sincos(curvature * (x*x + y*y))
		f.Data[i] *= complex(cos, sin)
	}
	f.IFFT()
	out := ndarray.New[complex64](n, n)
	for i, v := range f.Data {
		out.Data[i] = complex64(v)
	}
	return out
}

func residuals(s *Solution) (list []float64) {
	for _, p := range s.History {
		list = append(list, p.Residual)
	}
	return list
}

// TestAScanIsSolvedFromNothing: with the probe as it was, and with one that is out of focus, by both methods and likelihoods.
func TestAScanIsSolvedFromNothing(t *testing.T) {
	p, truth := simulated(t, 120, 1e6)
	wrong := p
	wrong.Probe = defocused(p.Probe, 0.02)
	for _, c := range []struct {
		name       string
		problem    Problem
		method     Method
		likelihood Likelihood
		least      float64
	}{
		{"lsqml", p, LSQML, Amplitude, 0.99},
		{"lsqml, defocused", wrong, LSQML, Amplitude, 0.97},
		{"lsqml, poisson", p, LSQML, Poisson, 0.99},
		{"epie", p, EPIE, Amplitude, 0.98},
	} {
		o := usual()
		o.Method, o.Likelihood = c.method, c.likelihood
		s := solved(t, c.problem, o)
		got := correlation(t, s, truth)
		t.Logf("%s: correlation %.4f, residual %.5f after %d passes", c.name, got, s.Residual, len(s.History))
		if !(got > c.least) {
			t.Errorf("%s: correlation %.4f, want more than %v", c.name, got, c.least)
		}
	}
}

// TestASolutionIsFixedByTheSeed: the same bytes twice, others for another seed, and nothing left of the first run in the second.
func TestASolutionIsFixedByTheSeed(t *testing.T) {
	p, _ := simulated(t, 40, 1e5)
	for _, method := range []Method{LSQML, EPIE} {
		o := usual()
		o.Method, o.Passes, o.Modes = method, 4, 2
		first, again := solved(t, p, o), solved(t, p, o)
		if !slices.Equal(first.Object.Data, again.Object.Data) || !slices.Equal(first.Probe.Data, again.Probe.Data) ||
			!slices.Equal(first.Spread.Data, again.Spread.Data) || !slices.Equal(residuals(first), residuals(again)) {
			t.Errorf("%s: two solutions with one seed differ", method)
		}
		o.Seed = 1
		if method == EPIE || o.BatchSize > 0 {
			if other := solved(t, p, o); slices.Equal(first.Object.Data, other.Object.Data) {
				t.Errorf("%s: another seed gave the same object", method)
			}
		}
	}
}

func TestSolvingStopsWhenAsked(t *testing.T) {
	p, _ := simulated(t, 4, 1e5)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, method := range []Method{LSQML, EPIE} {
		o := usual()
		o.Method = method
		if _, err := Run(ctx, p, o, fast(t, 1), func(Pass) {}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", method, err)
		}
	}
}

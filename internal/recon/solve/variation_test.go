package solve

import (
	"math"
	"math/cmplx"
	"testing"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
	"ptyx/internal/base/testutil"
	"ptyx/internal/physics/optics"
	"ptyx/internal/quality/metrics"
)

// illuminated is a problem whose pattern m was taken with a probe of its own.
func illuminated(p Problem, truth metrics.Image, probe func(m int) *ndarray.Complex64) Problem {
	n := p.Patterns.Side()
	out, patterns := p, ndarray.New[float32](amplitudesOf(p).Shape...)
	out.Patterns = Amplitudes{patterns}
	light := make([]float64, n*n)
	for m := range p.X {
		box := frame.Cover(p.X[m:m+1], p.Y[m:m+1], n)
		patch := ndarray.New[complex64](n, n)
		for r := range n {
			copy(patch.Data[r*n:][:n], truth.Object.Data[(box.Top+r)*truth.Object.Shape[1]+box.Left:])
		}
		moved := optics.ShiftProbe(probe(m), frame.Fraction(p.Y[m]), frame.Fraction(p.X[m]))
		optics.NewPropagator(n).Intensity(optics.ExitWave(moved, patch), light)
		for q, v := range light {
			patterns.Data[m*n*n+q] = float32(math.Sqrt(v))
		}
	}
	return out
}

// unsteady is a probe that goes through focus along the scan, and whose intensity flickers by 20%.
func unsteady(p Problem) func(m int) *ndarray.Complex64 {
	r := stream.New(7, "test/unsteady")
	return func(m int) *ndarray.Complex64 {
		probe := defocused(p.Probe, 0.02*(float64(m)/float64(len(p.X))-0.5))
		factor := complex(float32(1+0.1*r.NormFloat64()), 0)
		for q := range probe.Data {
			probe.Data[q] *= factor
		}
		return probe
	}
}

// TestAProbeThatVaries: patterns with probes of their own ruin a solution with one probe. Intensities and a variable
// mode save it, and cost a scan with one probe nothing.
func TestAProbeThatVaries(t *testing.T) {
	p, truth := simulated(t, 120, 1e6)
	varied := illuminated(p, truth, unsteady(p))
	one, factors, modes := usual(), usual(), usual()
	factors.Flicker = true
	modes.Flicker, modes.OPR = true, 1
	found := func(p Problem, o Options) float64 { return correlation(t, solved(t, p, o), truth) }
	steady, kept := found(p, one), found(p, modes)
	got := [3]float64{found(varied, one), found(varied, factors), found(varied, modes)}
	t.Logf("correlation with one probe %.4f, with intensities %.4f, with a variable mode %.4f; of a scan with one "+
		"probe %.4f, %.4f", got[0], got[1], got[2], steady, kept)
	if !(got[0] < 0.9) || !(got[1] > 0.99) || !(1-got[2] < 0.7*(1-got[1])) || !(kept > steady-0.001) {
		t.Errorf("correlation with one probe %.4f, with intensities %.4f, with a variable mode %.4f; of a scan with "+
			"one probe %.4f, %.4f", got[0], got[1], got[2], steady, kept)
	}
}

// TestNormalisedWeights: weights become orthogonal with mean square 1, and no pattern's probe changes.
func TestNormalisedWeights(t *testing.T) {
	p, _ := simulated(t, 20, 1e6)
	o := usual()
	o.Modes, o.OPR, o.Flicker = 2, 3, true
	s, err := newState(p, o)
	if err != nil {
		t.Fatal(err)
	}
	r := stream.New(1, "test/weights")
	for i := range s.probeRe.Data {
		s.probeRe.Data[i], s.probeIm.Data[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
	}
	v := s.variation
	for i := range v.weights {
		v.weights[i] += r.NormFloat64()
	}
	before := probesOf(v)
	v.normalise()
	v.orthogonalise()
	testutil.CheckClose(t, "probes", probesOf(v), before, 1e-4) // float32 sums of five planes
	for i := range v.columns() {
		for j := range v.columns() {
			want, got := 0., v.product(i, j)/float64(len(v.lit))
			if i == j {
				want = 1
			}
			if !(math.Abs(got-want) < 1e-9) {
				t.Errorf("product %d, %d of the weights: %v", i, j, got)
			}
		}
	}
	if a, b := s.modeOverlap(2, 3), s.modePower(2)-s.modePower(4); !(math.Abs(real(a)) < 1e-3*b) || !(b > 0) {
		t.Errorf("variable modes overlap by %v, powers differ by %v", a, b)
	}
}

// TestOrthogonalModesKeepThePatterns: turned modes give each pattern the same intensity in every place, also where the
// first mode varies.
func TestOrthogonalModesKeepThePatterns(t *testing.T) {
	p, _ := simulated(t, 20, 1e6)
	for variable := range 3 {
		o := usual()
		o.Modes, o.OPR, o.Flicker = 3, variable, true
		s, err := newState(p, o)
		if err != nil {
			t.Fatal(err)
		}
		r := stream.New(1, "test/turned")
		for i := range s.probeRe.Data {
			s.probeRe.Data[i], s.probeIm.Data[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
		}
		before := mutualIntensities(s.variation)
		s.orthogonalise()
		testutil.CheckClose(t, "mutual intensities", mutualIntensities(s.variation), before, 1e-4)
		first := min(variable, 1)
		if a, b := s.modeOverlap(first, 2), s.modePower(first)-s.modePower(2); !(cmplx.Abs(a) < 1e-3*b) {
			t.Errorf("%d variable modes: modes %d and 2 overlap by %v, their powers differ by %v", variable, first,
				a, b)
		}
	}
}

// mutualIntensities are sum_k conj(P_k(q)) P_k(0) of the modes of each pattern, which decide on its intensity.
func mutualIntensities(v *variation) (all []float32) {
	size, planes := v.n*v.n, v.options.Modes+v.modes
	factors := make([]float32, v.options.Modes*planes)
	for id := range v.x {
		v.mix(id, factors)
		for q := range size {
			sum := complex128(0)
			for k := range v.options.Modes {
				at, origin := complex128(0), complex128(0)
				for i, f := range factors[k*planes:][:planes] {
					at += complex(float64(f), 0) * v.mode(i, q)
					origin += complex(float64(f), 0) * v.mode(i, 0)
				}
				sum += cmplx.Conj(at) * origin
			}
			all = append(all, float32(real(sum)), float32(imag(sum)))
		}
	}
	return all
}

// probesOf lists the modes of all patterns.
func probesOf(v *variation) (all []float32) {
	size, planes := v.n*v.n, v.options.Modes+v.modes
	factors := make([]float32, v.options.Modes*planes)
	for id := range v.x {
		v.mix(id, factors)
		for k := range v.options.Modes {
			for q := range size {
				sum := float32(0)
				for i, f := range factors[k*planes:][:planes] {
					sum += f * v.probeRe.Data[i*size+q]
				}
				all = append(all, sum)
			}
		}
	}
	return all
}

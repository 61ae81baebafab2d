package solve

import (
	"context"
	"errors"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/physics/spectrum"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/simulate"
	ort "ptyx/runtime"
	"ptyx/runtime/runtimetest"
)

// fast is the engine on ONNX Runtime. A machine without the library fails.
func fast(t *testing.T, threads int) engine.Engine {
	t.Helper()
	return engine.NewORT(runtimetest.Open(t), ort.SessionOptions{Device: ort.CPU, Threads: threads})
}

// simulated is a scan with its truth.
func simulated(t *testing.T, count int, photons float64) (Problem, metrics.Image) {
	t.Helper()
	data, err := simulate.Run(t.Context(), simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 16,
		Scan: simulate.Fermat, Count: count, Step: 5, Photons: photons, Seed: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	p := Problem{Patterns: Amplitudes{data.Patterns}, X: data.X, Y: data.Y, Probe: data.Probe}
	return p, metrics.Image{Object: data.Object}
}

// amplitudesOf are the patterns of a problem that memory holds.
func amplitudesOf(p Problem) *ndarray.Float32 { return p.Patterns.(Amplitudes).Float32 }

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
	report, err := metrics.Compare(metrics.Image{Object: s.Object, Row: s.Row, Col: s.Col, Coverage: s.Coverage}, truth,
		metrics.Options{})
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

// TestSolvesFromAnEmptyObject starts with the true probe and with a defocused one, for both methods and likelihoods.
func TestSolvesFromAnEmptyObject(t *testing.T) {
	p, truth := simulated(t, 120, 1e6)
	wrong := p
	wrong.Probe = defocused(p.Probe, 0.02)
	bright, same := simulated(t, 120, 1e9)
	if !slices.Equal(same.Object.Data, truth.Object.Data) {
		t.Fatal("more photons changed the object")
	}
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
		{"lsqml, poisson, bright", bright, LSQML, Poisson, 0.99},
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

// TestMaskedPixelsDoNotCount: with wrong values in masked pixels both methods are nearly as good as with all pixels.
// Without the mask the values ruin the solution.
func TestMaskedPixelsDoNotCount(t *testing.T) {
	whole, truth := simulated(t, 100, 1e6)
	spoilt := whole
	patterns := amplitudesOf(whole).Clone()
	spoilt.Patterns = Amplitudes{patterns}
	spoilt.Measured = make([]bool, 64*64)
	for q := range spoilt.Measured {
		spoilt.Measured[q] = q%64 < 29 || q%64 > 30 // two columns beside the middle
	}
	for i := range patterns.Data {
		if !spoilt.Measured[i%4096] {
			patterns.Data[i] = float32(i % 7 * 20)
		}
	}
	counted := spoilt
	counted.Measured = nil
	found := func(p Problem, method Method) float64 {
		o := usual()
		o.Method, o.Passes = method, 20
		return correlation(t, solved(t, p, o), truth)
	}
	all, masked, epie, nonsense := found(whole, LSQML), found(spoilt, LSQML), found(spoilt, EPIE), found(counted, LSQML)
	t.Logf("correlation %.4f of all pixels, %.4f with the mask (ePIE %.4f), %.4f of nonsense that counts", all, masked,
		epie, nonsense)
	if !(masked > all-0.02) || !(epie > 0.97) || !(nonsense < 0.6) {
		t.Errorf("correlation %v of all pixels, %v with the mask (ePIE %v), %v of nonsense that counts", all, masked,
			epie, nonsense)
	}
}

// TestSeedDeterminesTheSolution: a seed gives the same bytes twice, another seed gives others.
func TestSeedDeterminesTheSolution(t *testing.T) {
	p, _ := simulated(t, 40, 1e5)
	for _, method := range []Method{LSQML, EPIE} {
		o := usual()
		o.Method, o.Passes, o.Modes = method, 4, 2
		first, again := solved(t, p, o), solved(t, p, o)
		if !slices.Equal(first.Object.Data, again.Object.Data) || !slices.Equal(first.Probe.Data, again.Probe.Data) ||
			!slices.Equal(first.Spread.Data, again.Spread.Data) || !slices.Equal(residuals(first), residuals(again)) {
			t.Errorf("%s: two solutions with one seed differ", method)
		}
		o.Seed, o.BatchSize = 1, 10 // all patterns at once have no order
		other := solved(t, p, o)
		o.Seed = 2
		if slices.Equal(other.Object.Data, solved(t, p, o).Object.Data) {
			t.Errorf("%s: another seed gave the same object", method)
		}
	}
}

func TestSolvingStopsOnCancel(t *testing.T) {
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

// TestRefinesPositions: from errors of up to a pixel along each axis, LSQML reaches a tenth of a pixel, ePIE a quarter.
func TestRefinesPositions(t *testing.T) {
	p, truth := simulated(t, 120, 1e6)
	rng := rand.New(rand.NewPCG(1, 2))
	given := p
	given.X, given.Y = slices.Clone(p.X), slices.Clone(p.Y)
	for i := range given.X {
		given.X[i] += 2*rng.Float64() - 1
		given.Y[i] += 2*rng.Float64() - 1
	}
	before := astray(p, given.X, given.Y)
	for method, most := range map[Method]float64{LSQML: 0.1, EPIE: 0.25} { // measured 0.067 and 0.159
		o := usual()
		o.Method, o.Positions = method, true
		s := solved(t, given, o)
		after, got := astray(p, s.X, s.Y), correlation(t, s, truth)
		t.Logf("%s: positions off by %.3f, found to %.3f pixels; correlation %.4f, residual %.5f", method, before,
			after, got, s.Residual)
		if !(before > 0.5) || !(after < most) || !(got > 0.98) {
			t.Errorf("%s: positions off by %.3f, found to %.3f pixels; correlation %.4f", method, before, after, got)
		}
	}
	if moved := astray(given, given.X, given.Y); moved != 0 {
		t.Errorf("the problem's own positions were moved by %v", moved)
	}
}

// astray is the root mean square error of positions along an axis, without their common shift.
func astray(p Problem, x, y []float64) float64 {
	mx, my := meanDifference(x, p.X), meanDifference(y, p.Y)
	sum := 0.0
	for i := range x {
		dx, dy := x[i]-p.X[i]-mx, y[i]-p.Y[i]-my
		sum += dx*dx + dy*dy
	}
	return math.Sqrt(sum / float64(2*len(x)))
}

// TestIncoherentModes: a second mode has a fifth of the light. Two modes fit the patterns, get most of this share and a
// better object than one mode. (The share of a weak mode grows for hundreds of passes.)
func TestIncoherentModes(t *testing.T) {
	const share = 0.2
	p, truth := simulated(t, 120, 1e6)
	n := 64
	probes := []*ndarray.Complex64{p.Probe.Clone(), ndarray.New[complex64](n, n)}
	for q, v := range p.Probe.Data { // orthogonal, and unlike anything that the object could take over
		probes[1].Data[q] = v * complex(float32((q%n-n/2)*(q/n-n/2)), 0)
	}
	power := optics.Power(p.Probe)
	optics.NormalisePower(probes[0], power*(1-share))
	optics.NormalisePower(probes[1], power*share)
	mixed := Problem{Patterns: Amplitudes{ndarray.New[float32](len(p.X), n, n)}, X: p.X, Y: p.Y, Probe: p.Probe}
	pattern := make([]float64, n*n)
	for m := range p.X {
		c := frame.Cover(p.X[m:m+1], p.Y[m:m+1], n)
		patch := ndarray.New[complex64](n, n)
		for r := range n {
			copy(patch.Data[r*n:][:n], truth.Object.Data[(c.Top+r)*truth.Object.Shape[1]+c.Left:])
		}
		for _, probe := range probes {
			moved := optics.ShiftProbe(probe, frame.Fraction(p.Y[m]), frame.Fraction(p.X[m]))
			optics.NewPropagator(n).Intensity(optics.ExitWave(moved, patch), pattern)
			for q, v := range pattern {
				amplitudesOf(mixed).Data[m*n*n+q] += float32(v)
			}
		}
	}
	for i, v := range amplitudesOf(mixed).Data {
		amplitudesOf(mixed).Data[i] = float32(math.Sqrt(float64(v)))
	}
	o := usual()
	one := solved(t, mixed, o)
	o.Modes = 2
	two := solved(t, mixed, o)
	strong, weak := ndarray.Wrap(two.Probe.Data[:n*n], n, n), ndarray.Wrap(two.Probe.Data[n*n:], n, n)
	found := optics.Power(weak) / (optics.Power(strong) + optics.Power(weak))
	got, single := correlation(t, two, truth), correlation(t, one, truth)
	t.Logf("one mode: correlation %.4f, residual %.5f; two: %.4f, %.5f, share %.3f", single, one.Residual, got,
		two.Residual, found)
	if !(two.Residual < one.Residual/4) || !(1-got < (1-single)/3) || !(found > share/2) || !(found < 1.1*share) {
		t.Errorf("one mode: correlation %.4f, residual %.5f; two: %.4f, %.5f, share %.3f", single, one.Residual, got,
			two.Residual, found)
	}
	var overlap complex128
	for q, v := range strong.Data {
		overlap += complex128(weak.Data[q]) * cmplx.Conj(complex128(v))
	}
	if !(cmplx.Abs(overlap) < 1e-4*math.Sqrt(optics.Power(strong)*optics.Power(weak))) {
		t.Errorf("modes overlap by %v", overlap)
	}
}

// TestRefinesAGivenObject: three passes from a rough object are better than three from an empty one.
func TestRefinesAGivenObject(t *testing.T) {
	p, truth := simulated(t, 120, 1e6)
	p.Probe = defocused(p.Probe, 0.01)
	o := usual()
	o.Passes = 8
	rough := solved(t, p, o)
	o.Passes = 3
	nothing := solved(t, p, o)
	p.Object, p.Row, p.Col, p.Probe = rough.Object, rough.Row, rough.Col, rough.Probe
	further := solved(t, p, o)
	t.Logf("rough %.4f, three passes from there %.4f, from nothing %.4f", correlation(t, rough, truth),
		correlation(t, further, truth), correlation(t, nothing, truth))
	if !(further.History[0].Residual < nothing.History[0].Residual/10) || !(further.Residual < rough.Residual) ||
		!(further.Residual < nothing.Residual) {
		t.Errorf("residuals: rough %v, from there %v to %v, from nothing %v to %v", rough.Residual, further.History[0],
			further.Residual, nothing.History[0], nothing.Residual)
	}
	far := p
	far.Row = 10000
	if p.Overlaps(64) != true || far.Overlaps(64) {
		t.Error("what overlaps is not told")
	}
}

// TestProbeStaysCentred: an object and a probe shifted by three pixels are shifted back without another change.
func TestProbeStaysCentred(t *testing.T) {
	p, _ := simulated(t, 40, 1e6)
	s, err := newState(p, usual())
	if err != nil {
		t.Fatal(err)
	}
	before := s.unknowns().clone()
	s.unknowns().roll(s, 3, -2)
	if dy, dx := s.drift(); !(math.Abs(dy-3) < 1e-3) || !(math.Abs(dx+2) < 1e-3) { // light in float32
		t.Errorf("drift (%v, %v), want (3, -2)", dy, dx)
	}
	if rows, cols := s.centreProbe(); rows != -3 || cols != 2 {
		t.Errorf("moved back by (%d, %d)", rows, cols)
	}
	for k, part := range s.unknowns().list() {
		if !slices.Equal(part, before.list()[k]) {
			t.Errorf("part %d is not where it was", k)
		}
	}
	factor := s.probeRe.Data[100] * s.object.re[0]
	for i := range s.probeRe.Data {
		s.probeRe.Data[i] *= 3
		s.probeIm.Data[i] *= 3
	}
	s.keepPower()
	// The product of probe and object is three times as large.
	if got := s.probeRe.Data[100] * s.object.re[0]; !(math.Abs(float64(got/factor-3)) < 1e-5) {
		t.Errorf("probe times object %v, want %v", got, 3*factor)
	}
}

func TestInvalidOptions(t *testing.T) {
	for _, change := range []func(*Options){
		func(o *Options) { o.Passes = 0 }, func(o *Options) { o.BatchSize = -1 }, func(o *Options) { o.Modes = 0 },
		func(o *Options) { o.Modes = MaxModes + 1 }, func(o *Options) { o.OPR = -1 },
		func(o *Options) { o.OPR = MaxModes + 1 }, func(o *Options) { o.Method, o.OPR = EPIE, 1 },
		func(o *Options) { o.Method, o.Flicker = EPIE, true },
		func(o *Options) { o.ProbeSupport = -0.1 }, func(o *Options) { o.Smooth = -1 },
		func(o *Options) { o.Method, o.Smooth = EPIE, 1 },
		func(o *Options) { o.Method, o.Background = EPIE, true }, func(o *Options) { o.ProbeSupport = 1.1 },
	} {
		o := usual()
		if err := o.Check(); err != nil {
			t.Fatal(err)
		}
		change(&o)
		var bad *badinput.Error
		if err := o.Check(); !errors.As(err, &bad) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	dark := Problem{
		Patterns: Amplitudes{ndarray.New[float32](2, 64, 64)}, X: []float64{32, 40}, Y: []float64{32, 40},
		Probe: ndarray.New[complex64](64, 64),
	}
	var bad *badinput.Error
	if _, err := Run(t.Context(), dark, usual(), engine.Tape{}, func(Pass) {}); !errors.As(err, &bad) {
		t.Errorf("patterns without light: %v", err)
	}
}

func TestStalled(t *testing.T) {
	for _, c := range []struct {
		history []float64
		want    bool
	}{
		{nil, false}, {[]float64{1, 1, 1}, false}, {[]float64{1, 1, 1, 1, 1, 1}, true},
		{[]float64{1, 1.1, 1.2, 1.1, 1, 0.9}, false},
		{[]float64{9, 1, 1.1, 1.2, 1.1, 1, 0.999}, true}, {[]float64{6, 5, 4, 3, 2, 1}, false},
	} {
		if got := stalled(c.history); got != c.want {
			t.Errorf("%v: %t", c.history, got)
		}
	}
}

// fellBack is an engine that auto put on the CPU although CUDA is there.
type fellBack struct{ engine.Engine }

func (fellBack) Fallback() string { return "no kernel" }

// The solution states why the CPU made it. EPIE needs no GPU, so it states nothing.
func TestTheSolutionStatesAFallback(t *testing.T) {
	p, _ := simulated(t, 16, 1e6)
	for _, c := range []struct {
		method Method
		want   string
	}{{LSQML, "no kernel"}, {EPIE, ""}} {
		o := Defaults(1)
		o.Method = c.method
		s, err := Run(t.Context(), p, o, fellBack{fast(t, 1)}, func(Pass) {})
		if err != nil || s.Fallback != c.want {
			t.Errorf("%s: fallback %q, want %q: %v", c.method, s.Fallback, c.want, err)
		}
	}
}

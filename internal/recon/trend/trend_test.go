package trend

import (
	"context"
	"errors"
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/physics/optics"
)

const n = 32

// probe is a Gaussian beam beside the middle of its frame, out of focus.
func probe() *ndarray.Complex64 {
	p := ndarray.New[complex64](n, n)
	for i := range p.Data {
		y, x := float64(i/n)-n/2-1, float64(i%n)-n/2+0.5
		p.Data[i] = complex64(cmplx.Rect(20*math.Exp(-(y*y+x*x)/32), (y*y+x*x)/60))
	}
	return p
}

// structure is the patch of a random object, (N, N).
func structure(seed uint64) []complex64 {
	values, out := testutil.Uniform(seed, -0.5, 0.5, n, n), make([]complex64, n*n)
	for i, v := range values.Data {
		out[i] = complex64(cmplx.Rect(1-0.2*float64(v), float64(v)))
	}
	return out
}

// patternOf is what a detector measures of an object at (x, y), without noise.
func patternOf(object []complex64, x, y float64) []float32 {
	far := optics.NewPropagator(n)
	moved := optics.ShiftProbe(probe(), frame.Fraction(y), frame.Fraction(x))
	intensity, out := make([]float64, n*n), make([]float32, n*n)
	far.Intensity(optics.ExitWave(moved, ndarray.Wrap(object, n, n)), intensity)
	for i, v := range intensity {
		out[i] = float32(math.Sqrt(v))
	}
	return out
}

// changed is an object times the factor of a Local.
func changed(object []complex64, beam *Beam, l Local) []complex64 {
	out := slices.Clone(object)
	for i := range out {
		u, v := beam.u[i/n], beam.v[i%n]
		phase := 0.0
		for k, term := range [phaseTerms]float64{u, v, u * u, u * v, v * v} {
			phase += l.Phase[k] * term
		}
		out[i] *= complex64(cmplx.Rect(math.Exp(l.log(u, v)), phase))
	}
	return out
}

func TestFitFindsTheChangeOfAnObject(t *testing.T) {
	beam := NewBeam(probe())
	masked := slices.Repeat([]bool{true}, n*n)
	for i := range n {
		masked[i*n+9] = false
	}
	for what, want := range map[string]Local{
		"nothing":   {},
		"slopes":    {Phase: [phaseTerms]float64{0.03, -0.02}},
		"curvature": {Phase: [phaseTerms]float64{0, 0, 0.02, -0.01, 0.015}},
		"amplitude": {Log: [logTerms]float64{-0.04, 0.02, 0.01}},
		"all": {
			Phase: [phaseTerms]float64{-0.02, 0.01, 0.01, 0.02, -0.01}, Log: [logTerms]float64{0.02, -0.01, 0.02},
		},
	} {
		for _, measured := range [][]bool{nil, masked} {
			want.X, want.Y = 7.3, -2.4
			object := structure(3)
			pattern := patternOf(changed(object, beam, want), want.X, want.Y)
			for i := range pattern {
				if measured != nil && !measured[i] {
					pattern[i] = 1e6 // a hot pixel must not count
				}
			}
			found, ok := NewFitter(beam, probe(), measured).Fit(want.X, want.Y, object, pattern)
			if !ok || found.X != want.X || found.Y != want.Y {
				t.Errorf("%s: found %+v, %v", what, found, ok)
			}
			// One step of Gauss and Newton leaves errors of the order of the square of the change.
			const tolerance = 0.004
			got := slices.Concat(found.Phase[:], found.Log[:])
			for k, w := range slices.Concat(want.Phase[:], want.Log[:]) {
				if !(math.Abs(got[k]-w) < tolerance) {
					t.Errorf("%s, masked %v: term %d is %.4f, want %.4f", what, measured != nil, k, got[k], w)
				}
			}
		}
	}
}

func TestPatternsThatShowNothing(t *testing.T) {
	beam, object := NewBeam(probe()), structure(3)
	nan := patternOf(object, 0, 0)
	nan[5] = float32(math.NaN())
	brighter := patternOf(object, 0, 0)
	for i := range brighter {
		brighter[i] *= 2
	}
	for what, pattern := range map[string][]float32{
		"no light": make([]float32, n*n), "not a number": nan,
		"another exposure": brighter,
	} {
		if found, ok := NewFitter(beam, probe(), nil).Fit(0, 0, object, pattern); ok {
			t.Errorf("%s: found %+v", what, found)
		}
	}
	if dark := NewBeam(ndarray.New[complex64](n, n)); dark.Radius != 0 {
		t.Errorf("a dark probe has a radius of %g", dark.Radius)
	}
}

// field is a smooth phase, and a smooth logarithm of the amplitude.
func field(y, x float64) (phase, log float64) {
	return 0.3*math.Sin(x/10) + 0.2*math.Cos(y/12), 0.1 * math.Cos(x/28+y/35)
}

// localsOf are the Locals that the field has at places of a scan. Slopes are differences over 1/50 pixel.
func localsOf(beam *Beam, step float64) (locals []Local, box frame.Box) {
	var x, y []float64
	row, col := beam.centre()
	const h = 0.01
	for py := 20.0; py < 140; py += step {
		for px := 20.0; px < 150; px += step {
			top, left := frame.Corner(px, py, n)
			cy, cx := float64(top)+row, float64(left)+col
			p0, l0 := field(cy, cx)
			py1, ly1 := field(cy+h, cx)
			py0, ly0 := field(cy-h, cx)
			px1, lx1 := field(cy, cx+h)
			px0, lx0 := field(cy, cx-h)
			local := Local{X: px, Y: py}
			r := beam.Radius
			local.Phase = [phaseTerms]float64{
				r * (py1 - py0) / (2 * h), r * (px1 - px0) / (2 * h),
				r * r * (py1 + py0 - 2*p0) / (2 * h * h), 0, r * r * (px1 + px0 - 2*p0) / (2 * h * h),
			}
			local.Log = [logTerms]float64{l0, r * (ly1 - ly0) / (2 * h), r * (lx1 - lx0) / (2 * h)}
			locals, x, y = append(locals, local), append(x, px), append(y, py)
		}
	}
	return locals, frame.Cover(x, y, n)
}

// centre is the row and column of the centre of the light in a patch.
func (b *Beam) centre() (row, col float64) { return -b.u[0] * b.Radius, -b.v[0] * b.Radius }

// errorsOf are the r.m.s. differences of a Map from the field over the scanned area, without the mean of the phase.
func errorsOf(m *Map) (phase, log float64) {
	var sum, square, logs, count float64
	for row := 30; row < 130; row++ {
		for col := 30; col < 140; col++ {
			p, l := field(float64(row), float64(col))
			factor := m.At(row, col)
			d := cmplx.Phase(factor) - p
			e := math.Log(cmplx.Abs(factor)) - l
			sum, square, logs, count = sum+d, square+d*d, logs+e*e, count+1
		}
	}
	return math.Sqrt(square/count - sum*sum/count/count), math.Sqrt(logs / count)
}

func TestMapIsTheField(t *testing.T) {
	beam := NewBeam(probe())
	locals, box := localsOf(beam, 5)
	m, err := NewMap(t.Context(), beam, box, locals)
	if err != nil {
		t.Fatal(err)
	}
	// The field has deviations of 0.25 rad and 0.07. Its phase is held near 0 beyond 14 radii, 40 pixels.
	if phase, log := errorsOf(m); !(phase < 0.04 && log < 0.005) {
		t.Errorf("the phase errs by %.4f rad, the logarithm by %.4f", phase, log)
	}
	backwards := slices.Clone(locals)
	slices.Reverse(backwards)
	other, err := NewMap(t.Context(), beam, box, backwards)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range m.turn { // the order changes sums by rounding, and the solver ends at 1e-7 of the first residual
		if !(math.Abs(v-other.turn[i]) < 1e-4) {
			t.Fatalf("the order of Locals changes the phase of a bin by %g", v-other.turn[i])
		}
	}
}

// TestFluctuatingLight: where the light of patterns differs by 20 %, the slopes of the amplitude count.
func TestFluctuatingLight(t *testing.T) {
	beam := NewBeam(probe())
	locals, box := localsOf(beam, 5)
	light := testutil.Uniform(9, -0.17, 0.17, len(locals))
	for i := range locals {
		locals[i].Log[0] += float64(light.Data[i])
	}
	m, err := NewMap(t.Context(), beam, box, locals)
	if err != nil {
		t.Fatal(err)
	}
	if _, log := errorsOf(m); !(log < 0.03) { // 0.1 without the slopes
		t.Errorf("the logarithm errs by %.4f", log)
	}
}

func TestMapEnds(t *testing.T) {
	beam := NewBeam(probe())
	locals, box := localsOf(beam, 40)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewMap(ctx, beam, box, locals); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of ctx: %v", err)
	}
	one := []Local{{X: 60, Y: 60, Phase: [phaseTerms]float64{0.3}, Log: [logTerms]float64{0.2}}}
	m, err := NewMap(t.Context(), beam, box, one)
	if err != nil {
		t.Fatal(err)
	}
	below, above := m.At(56, 60), m.At(62, 60)
	if slope := cmplx.Phase(above * cmplx.Conj(below)); !(slope > 0.2 && cmplx.Abs(below) > 1.1) {
		t.Errorf("one Local gives %v and %v", below, above)
	}
	if far := m.At(-1000, 1000); !(cmplx.Abs(far) > 0.6 && cmplx.Abs(far) < 1.7) {
		t.Errorf("far from all Locals: %v", far)
	}
}

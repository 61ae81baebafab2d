package solve

import (
	"math"
	"math/rand/v2"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/simulate"
)

// farNoise is a probe whose far field has noise of its own modulus, times a share.
func farNoise(probe *ndarray.Complex64, share float64) *ndarray.Complex64 {
	rng := rand.New(rand.NewPCG(1, 2))
	out := probe.Clone()
	// Moved copies of a probe have other phases in the far field; their sum has speckles.
	for range 40 {
		shift := func() float64 { return 12 * rng.NormFloat64() }
		a := complex64(complex(share*rng.NormFloat64()/6, share*rng.NormFloat64()/6))
		for i, v := range optics.ShiftProbe(probe, shift(), shift()).Data {
			out.Data[i] += a * v
		}
	}
	return out
}

// weakly is a scan of blobs in steps of one probe width that hardly change the wave.
func weakly(t *testing.T, phase float64) (Problem, *ndarray.Complex64) {
	t.Helper()
	data, err := simulate.Run(t.Context(), simulate.Options{
		N: 64, Object: simulate.Blobs, Phase: phase, Probe: simulate.ZonePlate, ProbeSize: probeWidth,
		Scan: simulate.Fermat, Count: 60, Step: probeWidth, Photons: 1e6, Seed: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	return Problem{Patterns: Amplitudes{data.Patterns}, X: data.X, Y: data.Y}, data.Probe
}

// probeWidth is that of scanInSteps, in pixels.
const probeWidth = 16

// The focus of a probe is found where patterns hardly overlap, with any number of threads. A right probe stays, and so
// does one with other faults.
func TestFocus(t *testing.T) {
	same := func(p *ndarray.Complex64) *ndarray.Complex64 { return p }
	by := func(curvature float64) func(p *ndarray.Complex64) *ndarray.Complex64 {
		return func(p *ndarray.Complex64) *ndarray.Complex64 { return defocused(p, curvature) }
	}
	speckles := func(p *ndarray.Complex64) *ndarray.Complex64 { return farNoise(p, 0.7) }
	scan := func(widths, photons float64) func(t *testing.T) (Problem, *ndarray.Complex64) {
		return func(t *testing.T) (Problem, *ndarray.Complex64) {
			return scanInSteps(t, widths*probeWidth, focusPatterns(64), photons)
		}
	}
	weak := func(phase float64) func(t *testing.T) (Problem, *ndarray.Complex64) {
		return func(t *testing.T) (Problem, *ndarray.Complex64) { return weakly(t, phase) }
	}
	for name, c := range map[string]struct {
		scan      func(t *testing.T) (Problem, *ndarray.Complex64)
		given     func(p *ndarray.Complex64) *ndarray.Complex64
		curvature float64 // to be found, radians per squared frequency step
		off       float64 // of the phase at the r.m.s. radius, at most
	}{
		"step of a width, narrower": {scan(1, 1e6), by(0.02), -0.02, 0.3},
		"step of 0.7 widths, wider": {scan(0.7, 1e6), by(-0.02), 0.02, 0.3},
		"step of 1.5 widths":        {scan(1.5, 1e6), by(0.02), -0.02, 1}, // more common light, too
		"1e4 photons":               {scan(1, 1e4), by(0.02), -0.02, 0.5},
		"dense, far away":           {scan(0.5, 1e6), by(0.03), -0.03, 0.3},
		"right":                     {scan(1, 1e6), same, 0, 0},
		"right, wide steps":         {scan(1.5, 1e6), same, 0, 0},
		"right, dense":              {scan(0.4, 1e6), same, 0, 0},
		"right, few photons":        {scan(1, 300), same, 0, 0},
		"right, dense, few photons": {scan(0.4, 300), same, 0, 0},
		"right, weak object":        {weak(0.05), same, 0, 0},
		"right, hardly an object":   {weak(0.002), same, 0, 0},
		"right, no object":          {weak(0), same, 0, 0},
		"speckles":                  {scan(0.6, 1e6), speckles, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			data, truth := c.scan(t)
			given := c.given(truth)
			common := CommonLight(data.X, data.Y, given)
			want := c.curvature * math.Pow(optics.NewDefocus(given).Radius(), 2)
			first := 0.0
			for threads := 1; threads <= 3; threads += 2 {
				p := data.from(given)
				phase, err := findFocus(t.Context(), p, common >= LeastCommonLight, 1, threads, fast(t, threads))
				if err != nil {
					t.Fatal(err)
				}
				if threads == 1 {
					first = phase
				}
				if !(math.Abs(phase-want) <= c.off) || phase != first {
					t.Errorf("%v rad with %d threads, want %.2f", phase, threads, want)
				}
			}
			t.Logf("%.2f rad, want %.2f; %.3f of the light in common", first, want, common)
		})
	}
}

// A probe out of focus is corrected although the patterns have too little light in common for a fit of all of it.
func TestCalibrateCorrectsTheFocus(t *testing.T) {
	data, truth := scanInSteps(t, 1.25*probeWidth, 60, 1e6)
	given := defocused(truth, 0.02)
	r := calibrated(t, data.from(given))
	before, after := likeness(given, truth), likeness(r.Probe, truth)
	t.Logf("%.2f rad, likeness %.4f -> %.4f", r.Focus, before, after)
	if !(before < 0.9) || !(after > 0.97) || !r.Kept || r.Focus == 0 {
		t.Errorf("likeness %.4f -> %.4f, kept: %v, %v rad", before, after, r.Kept, r.Focus)
	}
}

func TestClearlyBest(t *testing.T) {
	given := focus{0, 0.1, 1}
	for name, c := range map[string]struct {
		tried []focus
		dense bool
		best  float64
		ok    bool
	}{
		"none better":          {[]focus{{-1, 0.2, 2}, given, {1, 0.2, 3}}, false, 0, false},
		"better":               {[]focus{{-1, 0.2, 2}, given, {1, 0.2, 0.8}}, false, 1, true},
		"hardly better":        {[]focus{{-1, 0.2, 2}, given, {1, 0.2, 0.9}}, false, 1, false},
		"dense":                {[]focus{{-1, 0.2, 2}, given, {1, 0.2, 0.8}}, true, 1, false},
		"dense, far":           {[]focus{{-1, 0.2, 2}, given, {1, 0.2, 0.6}}, true, 1, true},
		"freer":                {[]focus{{-1, 0.2, 2}, given, {1, 0.05, 0.85}}, false, 0, false},
		"freer, far":           {[]focus{{-1, 0.2, 2}, given, {1, 0.05, 0.75}}, false, 1, true},
		"too free":             {[]focus{{-1, 0.2, 0.66}, {0, 0.3, 1}, {1, 0.4, 1.2}}, true, 0, false},
		"too free, far":        {[]focus{{-1, 0.2, 0.4}, {0, 0.3, 1}, {1, 0.4, 1.2}}, true, -1, true},
		"a less free one":      {[]focus{{-1, 0.2, 0.66}, {0, 0.3, 1}, {1, 0.4, 0.8}}, true, 1, true},
		"all alike":            {[]focus{{-1, 0.2, 1.01}, given, {1, 0.2, 0.98}}, false, 1, false},
		"nothing to explain":   {[]focus{{-1, 0.2, 3e-6}, {0, 0.1, 2e-6}, {1, 0.2, 1e-6}}, false, 1, false},
		"another one diverges": {[]focus{{-1, 0.2, math.Inf(1)}, given, {1, 0.2, 0.8}, {2, 0.2, 1.5}}, false, 1, true},
		"the given diverges":   {[]focus{{-1, 0.2, 2}, {0, 0.1, math.Inf(1)}, {1, 0.2, 0.9}}, false, 1, true},
	} {
		if best, ok := clearlyBest(c.tried, c.dense); ok != c.ok || best.phase != c.best {
			t.Errorf("%s: %v, %v", name, best, ok)
		}
	}
}

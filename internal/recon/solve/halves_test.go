package solve

import (
	"math"
	"math/rand/v2"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/physics/spectrum"
	"ptyx/internal/quality/metrics"
)

// TestHalvesOfARasterAreAChessboard: in any order of the scan, every neighbour along an axis is in the other half.
func TestHalvesOfARasterAreAChessboard(t *testing.T) {
	const side, step = 8, 5.5
	p := Problem{Patterns: Amplitudes{ndarray.New[float32](side*side, 2, 2)}}
	for i, cell := range rand.New(rand.NewPCG(1, 2)).Perm(side * side) {
		p.X, p.Y = append(p.X, 40+step*float64(cell%side)), append(p.Y, -7+step*float64(cell/side))
		amplitudesOf(p).Data[4*i] = float32(cell) // to recognise the pattern
	}
	a, b := Halves(p)
	for _, half := range []Problem{a, b} {
		first, pattern := 0, make([]float32, 4)
		for i := range half.X {
			if err := half.Patterns.Read(i, pattern); err != nil {
				t.Fatal(err)
			}
			cell := int(pattern[0])
			if x, y := 40+step*float64(cell%side), -7+step*float64(cell/side); half.X[i] != x || half.Y[i] != y {
				t.Fatalf("pattern of cell %d is at (%g, %g), want (%g, %g)", cell, half.X[i], half.Y[i], x, y)
			}
			colour := (cell%side + cell/side) % 2
			if i == 0 {
				first = colour
			}
			if colour != first {
				t.Fatalf("cell %d is in the half of the other colour", cell)
			}
		}
		if len(half.X) != side*side/2 {
			t.Errorf("a half of %d patterns has %d", side*side, len(half.X))
		}
	}
}

// TestHalvesKnowTheResolution: where the halves fall to 1/7, the object of all patterns correlates with the truth by
// one half. Few photons hide the fine structure, or the object has none.
func TestHalvesKnowTheResolution(t *testing.T) {
	const bound = 0.045 // cycles per pixel, three rings of the 64 pixels compared: 0.002 to 0.031 were measured
	for _, c := range []struct {
		name         string
		photons, cut float64 // cut: highest frequency of the object, cycles per pixel; 0: as simulated
	}{{"10^3 photons", 1e3, 0}, {"10^4 photons", 1e4, 0}, {"10^5 photons", 1e5, 0}, {"smooth object", 1e6, 0.2}} {
		p, truth := simulated(t, 200, c.photons)
		if c.cut > 0 {
			smooth(t, &p, truth.Object, c.cut)
		}
		a, b := Halves(p)
		first, second := imageOf(solved(t, a, usual())), imageOf(solved(t, b, usual()))
		r, err := metrics.NewResolution(first, second, metrics.Options{PixelSizeNM: 20})
		if err != nil {
			t.Fatal(err)
		}
		all, err := metrics.Compare(imageOf(solved(t, p, usual())), truth, metrics.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, want := r.FRC.AtSeventh, firstBelow(all.FRC, 0.5)
		t.Logf("%s: halves end at %.3f, the truth at %.3f cycles/pixel", c.name, got.Frequency, want)
		if !(math.Abs(got.Frequency-want) <= bound) {
			t.Errorf("%s: halves end at %.3f, the truth at %.3f cycles/pixel", c.name, got.Frequency, want)
		}
		if c.cut > 0 && !(math.Abs(got.Frequency-c.cut) <= bound) {
			t.Errorf("%s: halves end at %.3f, the object at %.3f cycles/pixel", c.name, got.Frequency, c.cut)
		}
		if nm := 20 * got.HalfPeriod; got.HalfPeriodNM != nm {
			t.Errorf("%s: a half period of %v nm, want %v", c.name, got.HalfPeriodNM, nm)
		}
	}
}

// firstBelow is where a curve first falls below a level, from its fourth ring on.
func firstBelow(f metrics.FRC, level float64) float64 {
	for i := 3; i < len(f.Frequency); i++ {
		if f.Correlation[i] < level {
			return f.Frequency[i]
		}
	}
	return 0.5
}

func imageOf(s *Solution) metrics.Image {
	return metrics.Image{Object: s.Object, Row: s.Row, Col: s.Col, Coverage: s.Coverage}
}

// smooth removes all frequencies above cut from the object, and replaces the patterns by its patterns at whole pixels.
func smooth(t *testing.T, p *Problem, object *ndarray.Complex64, cut float64) {
	t.Helper()
	h, w := object.Shape[0], object.Shape[1]
	f := spectrum.New(h, w)
	for i, v := range object.Data {
		f.Data[i] = complex128(v)
	}
	f.FFT()
	for i := range f.Data {
		y, x := float64(spectrum.Frequency(i/w, w))/float64(h), float64(spectrum.Frequency(i%w, w))/float64(w)
		if math.Hypot(y, x) > cut {
			f.Data[i] = 0
		}
	}
	f.IFFT()
	for i, v := range f.Data {
		object.Data[i] = complex64(v)
	}
	n := p.Patterns.Side()
	wave, intensity, noise := make([]complex128, n*n), make([]float64, n*n), rand.New(rand.NewPCG(3, 4))
	for m := range p.X {
		p.X[m], p.Y[m] = math.Round(p.X[m]), math.Round(p.Y[m])
		top, left := int(p.Y[m])-n/2, int(p.X[m])-n/2
		for i, v := range p.Probe.Data {
			wave[i] = complex128(v) * complex128(object.Data[(top+i/n)*w+left+i%n])
		}
		optics.NewPropagator(n).Intensity(wave, intensity)
		for i, v := range intensity {
			amplitudesOf(*p).Data[m*n*n+i] = float32(max(0, math.Sqrt(v)+noise.NormFloat64()/2)) // as of photons
		}
	}
}

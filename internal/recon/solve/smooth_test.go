package solve

import (
	"math"
	"testing"

	"ptyx/internal/base/testutil"
)

// TestSmoothingHelpsFewPhotons: at 10^3 photons the object is better with the prior. At 10^6 the prior hardly counts.
func TestSmoothingHelpsFewPhotons(t *testing.T) {
	for photons, least := range map[float64]float64{1e3: 0.015, 1e6: -0.001} {
		p, truth := simulated(t, 120, photons)
		o := usual()
		o.Passes = 15
		rough := correlation(t, solved(t, p, o), truth)
		o.Smooth = 10
		smooth := correlation(t, solved(t, p, o), truth)
		t.Logf("%g photons: correlation %.4f, with the prior %.4f", photons, rough, smooth)
		if !(smooth > rough+least) {
			t.Errorf("%g photons: correlation %.4f, with the prior %.4f", photons, rough, smooth)
		}
	}
}

// TestGradientOfThePrior compares the gradient with finite differences of the total variation, and the curvature with
// the sum of weighted squares.
func TestGradientOfThePrior(t *testing.T) {
	p, _ := simulated(t, 2, 1e6)
	o := usual()
	o.Smooth = 3
	s, err := newState(p, o)
	if err != nil {
		t.Fatal(err)
	}
	s.noise = 0.5
	copy(s.object.re, testutil.Uniform(1, -1, 1, len(s.object.re)).Data)
	copy(s.object.im, testutil.Uniform(2, -1, 1, len(s.object.im)).Data)
	prior, found := newSmoother(s), newPlane(s.box)
	prior.pull(0.25, found)
	// total is S noise share TV with the slopes of a row and column around a pixel.
	total := func(at int) (sum float64) {
		for _, q := range []int{at, at - 1, at - s.object.width} {
			square := 0.0
			for _, v := range [][]float32{s.object.re, s.object.im} {
				x, y := float64(v[q+1]-v[q]), float64(v[q+s.object.width]-v[q])
				square += x*x + y*y
			}
			sum += 3 * 0.5 * 0.25 * math.Sqrt(square)
		}
		return sum
	}
	var slopes, gradients []float32
	for at := 3*s.object.width + 5; at < len(s.object.re)/2; at += 7*s.object.width + 1 {
		const h = 1e-3
		old := s.object.re[at]
		s.object.re[at] = old + h
		up := total(at)
		s.object.re[at] = old - h
		slopes, gradients = append(slopes, float32((total(at)-up)/(2*h))), append(gradients, found.re[at])
		s.object.re[at] = old
	}
	testutil.CheckClose(t, "minus the gradient", gradients, slopes, 1e-3) // float32 differences of h
	one := &plane{s.object.height, s.object.width, make([]float32, len(found.re)), make([]float32, len(found.re))}
	at := 4*s.object.width + 9
	one.re[at] = 1
	prior.along(one)
	want := float64(prior.diagonal[at])
	if !(math.Abs(prior.curvature-want) < 1e-5*want) {
		t.Errorf("curvature along a pixel %v, want %v", prior.curvature, want)
	}
}

package solve

import (
	"math"
	"slices"
	"testing"
)

// TestFindsARotationAndADrift: positions turned by 2 degrees, and a drift of 5 pixels, are found to a tenth of a pixel.
// No pattern alone feels either: without the joint equations, 0.11 and 0.18 pixels remain.
func TestFindsARotationAndADrift(t *testing.T) {
	right, _ := simulated(t, 64, 1e7)
	for name, wrong := range map[string]func(u, x, y float64) (dx, dy float64){
		"rotation": func(_, x, y float64) (dx, dy float64) { return -0.035 * y, 0.035 * x },
		"drift":    func(u, _, _ float64) (dx, dy float64) { return 5 * u * u, -3 * u },
	} {
		p := right
		p.X, p.Y = slices.Clone(right.X), slices.Clone(right.Y)
		for i := range p.X {
			dx, dy := wrong(float64(i)/float64(len(p.X)), p.X[i], p.Y[i])
			p.X[i], p.Y[i] = p.X[i]+dx, p.Y[i]+dy
		}
		o := usual()
		o.Passes, o.Positions, o.Joint = 30, true, true
		s := solved(t, p, o)
		before, after := astray(right, p.X, p.Y), astray(right, s.X, s.Y)
		t.Logf("%s: positions off by %.3f, found to %.3f pixels", name, before, after)
		if !(after < 0.1) {
			t.Errorf("%s: positions off by %.3f, found to %.3f pixels", name, before, after)
		}
	}
}

// TestKeepsTheStretch: moves leave scale, rotation and shear of positions that are wrong by 3%, but not the rest.
func TestKeepsTheStretch(t *testing.T) {
	p, _ := simulated(t, 40, 1e7)
	right := slices.Clone(p.X)
	p.X = slices.Clone(p.X)
	for i := range p.X {
		p.X[i] *= 1.03
	}
	p.X[7] += 0.7
	o := usual()
	o.Passes, o.Positions, o.KeepStretch = 20, true, true
	s := solved(t, p, o)
	moved := func(i int) float64 { return s.X[i] - p.X[i] }
	if !(moved(7) < -0.4) {
		t.Errorf("the position that is wrong moved by %.3f pixels", moved(7))
	}
	sum, squares, centre := 0.0, 0.0, meanDifference(right, make([]float64, len(right)))
	for i, x := range right {
		sum, squares = sum+(x-centre)*moved(i), squares+(x-centre)*(x-centre)
	}
	if stretch := sum / squares; !(math.Abs(stretch) < 1e-3) {
		t.Errorf("the scale changed by %.5f", stretch)
	}
}

package place

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestWrongPairsDropOut: of the shifts between neighbours on a raster, a third is wrong by up to 30 pixels. The
// positions, which start 7 pixels RMS off, are found to the error of the right shifts.
func TestWrongPairsDropOut(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	var trueX, trueY, x, y []float64
	const side = 12
	for i := range side * side {
		trueX, trueY = append(trueX, 8*float64(i%side)), append(trueY, 8*float64(i/side))
		x, y = append(x, trueX[i]+5*random.NormFloat64()), append(y, trueY[i]+5*random.NormFloat64())
	}
	var edges []edge
	for a := range trueX {
		for b := range a {
			if math.Hypot(trueX[a]-trueX[b], trueY[a]-trueY[b]) > 18 {
				continue
			}
			e := edge{a: a, b: b, gain: 1, dy: trueY[b] - trueY[a], dx: trueX[b] - trueX[a]}
			e.dy, e.dx = e.dy+0.3*random.NormFloat64(), e.dx+0.3*random.NormFloat64()
			if random.IntN(3) == 0 {
				e.dy, e.dx = e.dy+60*random.Float64()-30, e.dx+60*random.Float64()-30
			}
			edges = append(edges, e)
		}
	}
	solve(x, y, edges, 16, 0.5)
	for _, rms := range []float64{spread(x, trueX), spread(y, trueY)} {
		if !(rms < 0.3) {
			t.Errorf("positions wrong by %.2f pixels RMS", rms)
		}
	}
}

// TestStretchedAs takes the linear map of other positions, and nothing else.
func TestStretchedAs(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	var x, y, as, asY, bent []float64
	for range 60 {
		a, b := 100*random.Float64(), 100*random.Float64()
		x, y = append(x, a), append(y, b)
		as, asY = append(as, 1.03*a-0.02*b+4), append(asY, 0.01*a+0.98*b-7)
		bent = append(bent, a)
	}
	outX, outY := (&Placement{X: x, Y: y}).StretchedAs(as, asY)
	for i := range x {
		if d := outX[i] - as[i] - (outX[0] - as[0]); math.Abs(d) > 1e-9 {
			t.Fatalf("x of %d is off by %g", i, d)
		}
		if d := outY[i] - asY[i] - (outY[0] - asY[0]); math.Abs(d) > 1e-9 {
			t.Fatalf("y of %d is off by %g", i, d)
		}
	}
	if !slices.Equal(x, bent) {
		t.Error("the positions found were changed")
	}
}

// TestSizedAs removes scales and shear, and keeps the rotation.
func TestSizedAs(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	var x, y []float64
	found, want := &Placement{}, &Placement{}
	for range 60 {
		a, b := 100*random.Float64(), 100*random.Float64()
		x, y = append(x, a), append(y, b)
		want.X, want.Y = append(want.X, a-0.03*b), append(want.Y, b+0.03*a)
		found.X, found.Y = append(found.X, 1.02*a-0.02*b+3), append(found.Y, 0.97*b+0.04*a)
	}
	outX, outY := found.SizedAs(x, y)
	for i := range x {
		dx, dy := outX[i]-want.X[i]-outX[0]+want.X[0], outY[i]-want.Y[i]-outY[0]+want.Y[0]
		if math.Hypot(dx, dy) > 1e-9 {
			t.Fatalf("position %d is off by %g, %g", i, dx, dy)
		}
	}
}

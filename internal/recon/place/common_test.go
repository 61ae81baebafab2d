package place

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// TestSharedFaultsDoNotHoldPatchesTogether: patches of 5 x 5 positions of a random object have a fault at the same
// place, as a wrong probe makes it, three times as strong as the object. The positions, wrong by 4 pixels RMS, are
// found all the same. With the fault alone, all patches would be alike at no shift.
func TestSharedFaultsDoNotHoldPatchesTogether(t *testing.T) {
	const n, side, step, wide = 32, 5, 6, 32 + 4*6 + 1
	random := rand.New(rand.NewPCG(5, 1))
	object, fault := smooth(random, wide), smooth(random, n)
	p := Patches{N: n, Weight: make([]float64, n*n)}
	for i := range p.Weight {
		y, x := float64(i/n-n/2), float64(i%n-n/2)
		p.Weight[i] = math.Exp(-(x*x + y*y) / (n * n / 8))
	}
	var trueX, trueY []float64
	for m := range side * side {
		row, col := step*(m/side), step*(m%side)
		trueX, trueY = append(trueX, float64(col)), append(trueY, float64(row))
		p.X = append(p.X, float64(col)+4/math.Sqrt2*random.NormFloat64())
		p.Y = append(p.Y, float64(row)+4/math.Sqrt2*random.NormFloat64())
		turn := cmplx.Rect(1, 2*math.Pi*random.Float64()) // each patch has a phase of its own
		for i := range n * n {
			v := 1 + 0.1*object[(row+i/n)*wide+col+i%n] + 0.3*fault[i]
			p.Object = append(p.Object, complex64(turn*v))
		}
	}
	found, err := Find(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	rms := math.Hypot(spread(found.X, trueX), spread(found.Y, trueY))
	t.Logf("positions wrong by %.2f pixels RMS", rms)
	if !(rms < 0.5) {
		t.Errorf("positions wrong by %.2f pixels RMS, given ones by %.2f", rms,
			math.Hypot(spread(p.X, trueX), spread(p.Y, trueY)))
	}
}

// smooth is an image (n, n) of complex noise, each value the mean of 3 x 3.
func smooth(random *rand.Rand, n int) []complex128 {
	noise, out := make([]complex128, n*n), make([]complex128, n*n)
	for i := range noise {
		noise[i] = complex(random.NormFloat64(), random.NormFloat64())
	}
	for i := range out {
		for d := range 9 {
			out[i] += noise[(i/n+d/3)%n*n+(i%n+d%3)%n] / 9
		}
	}
	return out
}

// spread is the RMS difference of positions along an axis, without a common shift.
func spread(v, want []float64) float64 {
	offset, sum := mean(v)-mean(want), 0.0
	for i := range v {
		sum += (v[i] - want[i] - offset) * (v[i] - want[i] - offset)
	}
	return math.Sqrt(sum / float64(len(v)))
}

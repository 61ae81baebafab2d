package stitch

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestRoundedIsTheNearestInteger compares with math.RoundToEven.
func TestRoundedIsTheNearestInteger(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 7))
	values := []float64{
		0, math.Copysign(0, -1), 0.5, -0.5, 1.5, -1.5, 2.5, 0.49999999999999994, 1<<49 + 0.5, -1<<49 - 0.5,
	}
	for range 10000 {
		values = append(values, rng.NormFloat64()*math.Exp2(float64(rng.IntN(48))), float64(rng.IntN(1<<20))-1<<19+0.5)
	}
	for _, v := range values {
		if got, want := rounded(v), int64(math.RoundToEven(v)); got != want {
			t.Errorf("%v is rounded to %d, expected %d", v, got, want)
		}
	}
}

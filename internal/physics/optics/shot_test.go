package optics_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"ptyx/internal/physics/optics"
)

// TestShotNoise compares with draws, on both sides of the table's end.
func TestShotNoise(t *testing.T) {
	t.Parallel()
	const draws = 200000
	for _, mean := range []float64{0.01, 0.3, 1.7, 8, 35, 37, 500} {
		counts := distuv.Poisson{Lambda: mean, Src: rand.NewPCG(1, 2)}
		sum, squares := 0.0, 0.0
		for range draws {
			d := math.Sqrt(counts.Rand()) - math.Sqrt(mean)
			sum, squares = sum+d*d, squares+d*d*d*d
		}
		want := sum / draws
		error := math.Sqrt((squares/draws - want*want) / draws)
		if got := optics.ShotNoise(mean); math.Abs(got-want) > 5*error+1e-4*want {
			t.Errorf("mean %g: %g, drawn %g +- %g", mean, got, want, error)
		}
	}
	if v := optics.ShotNoise(0); v != 0 {
		t.Errorf("mean 0: %g", v)
	}
}

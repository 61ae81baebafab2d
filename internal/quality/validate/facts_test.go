package validate_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/quality/validate"
)

// TestOverlapOfRepeats: positions that are measured several times, with an encoder's noise, have the overlap of those
// that are measured once. The positions of a random scan are not taken for repeats.
func TestOverlapOfRepeats(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	probe := ndarray.New[complex64](64, 64)
	for i := range probe.Data {
		if math.Hypot(float64(i/64-32), float64(i%64-32)) < 12 {
			probe.Data[i] = 1
		}
	}
	for name, at := range map[string]func(i int) (x, y float64){
		"raster": func(i int) (float64, float64) { return 6 * float64(i%10), 6 * float64(i/10) },
		"line":   func(i int) (float64, float64) { return 6 * float64(i), 0 },
	} {
		overlap := func(times int, noise float64) float64 {
			var xs, ys []float64
			for i := range 100 * times {
				x, y := at(i % 100)
				xs, ys = append(xs, x+noise*rng.NormFloat64()), append(ys, y+noise*rng.NormFloat64())
			}
			return validate.Overlap(xs, ys, probe)
		}
		once := overlap(1, 0)
		for _, times := range []int{2, 10} {
			if got := overlap(times, 0.03); math.Abs(got-once) > 0.02 {
				t.Errorf("%s, each position %d times: overlap %.3f, once %.3f", name, times, got, once)
			}
		}
	}
	var farX, farY []float64 // a raster in two fields far apart, and a position that an encoder lost
	for i := range 200 {
		x, y := 6*float64(i%10), 6*float64(i/10%10)
		farX, farY = append(farX, x+1000*float64(i/100)), append(farY, y)
	}
	farX, farY = append(farX, 5000), append(farY, 5000)
	if got, want := validate.Overlap(farX, farY, probe), 1-6./23; math.Abs(got-want) > 0.02 {
		t.Errorf("two fields and a lost position: overlap %.3f, want %.3f", got, want)
	}
	var xs, ys []float64
	for range 400 {
		xs, ys = append(xs, 100*rng.Float64()), append(ys, 100*rng.Float64())
	}
	const step = 2.2 // 0.5 / sqrt(density), and the median is 0.94 of the mean
	if got := (1 - validate.Overlap(xs, ys, probe)) * 23; math.Abs(got-step) > 0.4 {
		t.Errorf("a random scan: a step of %.2f pixels, want %.2f", got, step)
	}
}

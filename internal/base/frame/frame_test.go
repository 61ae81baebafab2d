package frame_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"ptyx/internal/base/frame"
)

func TestPixelAndFraction(t *testing.T) {
	for _, c := range []struct {
		v        float64
		pixel    int
		fraction float64
	}{
		{0, 0, 0},
		{33.25, 33, 0.25},
		{33.5, 34, -0.5},
		{33.75, 34, -0.25},
		{-0.25, 0, -0.25},
		{-0.5, 0, -0.5}, // halves go up on both sides of zero
		{-0.75, -1, 0.25},
		{-1.5, -1, -0.5},
		{-33.5, -33, -0.5},
		{0.49999999999999994, 0, 0.49999999999999994}, // the largest number below 1/2: adding 1/2 would give 1
		{-1e-20, 0, -1e-20},
		{1<<52 + 1, 1<<52 + 1, 0}, // adding 1/2 would round to even
	} {
		if got := frame.Pixel(c.v); got != c.pixel {
			t.Errorf("Pixel(%v) = %d, want %d", c.v, got, c.pixel)
		}
		if got := frame.Fraction(c.v); got != c.fraction {
			t.Errorf("Fraction(%v) = %v, want %v", c.v, got, c.fraction)
		}
	}
}

// TestParts: the two parts add up to the position, and the fraction stays within half a pixel.
func TestParts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		v := (rng.Float64() - 0.5) * math.Pow(10, float64(rng.IntN(7)))
		p, f := frame.Pixel(v), frame.Fraction(v)
		if float64(p)+f != v {
			t.Fatalf("Pixel(%v) + Fraction(%v) = %v", v, v, float64(p)+f)
		}
		if !(f >= -0.5 && f < 0.5) {
			t.Fatalf("Fraction(%v) = %v, want within [-0.5, 0.5)", v, f)
		}
	}
}

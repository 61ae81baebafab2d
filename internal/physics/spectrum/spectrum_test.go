package spectrum_test

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"ptyx/internal/physics/spectrum"
)

func noise(seed uint64, h, w int) *spectrum.Field {
	rng := rand.New(rand.NewPCG(seed, 1))
	f := spectrum.New(h, w)
	for i := range f.Data {
		f.Data[i] = complex(rng.NormFloat64(), rng.NormFloat64())
	}
	return f
}

// checkClose holds two fields to each other; the tolerance is absolute, for values of order 1.
func checkClose(t *testing.T, what string, got, want *spectrum.Field, tol float64) {
	t.Helper()
	for i := range want.Data {
		if !(cmplx.Abs(got.Data[i]-want.Data[i]) <= tol) {
			t.Fatalf("%s: element (%d, %d) is %v, want %v", what, i/want.W, i%want.W, got.Data[i], want.Data[i])
		}
	}
}

// TestFFT: sizes that split by 4, by 2, by odd primes, in each order, and not at all.
func TestFFT(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 8}, {4, 6}, {7, 5}, {16, 9}, {32, 1}, {2, 30}, {48, 35}, {64, 8},
		{11, 121}} {
		h, w := size[0], size[1]
		f := noise(1, h, w)
		want := spectrum.New(h, w)
		for kr := range h {
			for kc := range w {
				for r := range h {
					for c := range w {
						angle := -2 * math.Pi * (float64(kr*r)/float64(h) + float64(kc*c)/float64(w))
						want.Data[kr*w+kc] += f.Data[r*w+c] * cmplx.Rect(1, angle)
					}
				}
			}
		}
		got := f.Clone()
		got.FFT()
		checkClose(
			t,
			"FFT against the sum",
			got,
			want,
			1e-10,
		) // at most 1680 terms of double rounding, and angles up to 2 pi 47
		got.IFFT()
		checkClose(t, "IFFT of FFT", got, f, 1e-13)
	}
}

// TestATransformIsReusable: what an earlier image left in the work space does not matter.
func TestATransformIsReusable(t *testing.T) {
	plan := spectrum.NewTransform(24, 20)
	other := noise(4, 24, 20)
	plan.Forward(other.Data)
	plan.Inverse(other.Data)
	want, got := noise(5, 24, 20), noise(5, 24, 20)
	want.FFT()
	plan.Forward(got.Data)
	if !slices.Equal(got.Data, want.Data) {
		t.Error("a plan that was used gives another transform than a new one")
	}
}

// BenchmarkTransform is there and back, as each update of ePIE does it twice.
func BenchmarkTransform(b *testing.B) {
	for _, n := range []int{64, 96, 128, 256} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			image, plan := noise(1, n, n), spectrum.NewTransform(n, n)
			for b.Loop() {
				plan.Forward(image.Data)
				plan.Inverse(image.Data)
			}
		})
	}
}

func TestCentreAndFrequency(t *testing.T) {
	for _, n := range []int{1, 4, 5} {
		f := spectrum.New(n, n)
		for r := range n {
			for c := range n {
				f.Data[r*n+c] = complex(float64(spectrum.Frequency(r, n)), float64(spectrum.Frequency(c, n)))
			}
		}
		for i, v := range f.Centre().Data {
			if want := complex(float64(i/n-n/2), float64(i%n-n/2)); v != want {
				t.Errorf("n = %d, element %d: frequency %v, want %v", n, i, v, want)
			}
		}
	}
}

// TestShift: whole pixels are a rotation of the indices; a sampled wave moves by any fraction exactly.
func TestShift(t *testing.T) {
	f := noise(2, 6, 5)
	moved := f.Clone()
	moved.Shift(2, -1)
	want := spectrum.New(6, 5)
	for r := range 6 {
		for c := range 5 {
			want.Data[(r+2)%6*5+(c+4)%5] = f.Data[r*5+c]
		}
	}
	checkClose(t, "whole pixels", moved, want, 1e-13)

	wave := func(dr, dc float64) *spectrum.Field {
		f := spectrum.New(12, 10)
		for i := range f.Data {
			f.Data[i] = cmplx.Rect(1, 2*math.Pi*(2*(float64(i/10)-dr)/12-3*(float64(i%10)-dc)/10))
		}
		return f
	}
	f = wave(0, 0)
	f.Shift(0.3, -1.7)
	checkClose(t, "a wave", f, wave(0.3, -1.7), 1e-13)
}

// TestPeak: a ramp under a real, positive, uneven weight is found at any size.
func TestPeak(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, size := range [][2]int{{16, 16}, {40, 31}, {128, 128}, {300, 170}} {
		h, w := size[0], size[1]
		for range 5 {
			kr, kc := (rng.Float64()-0.5)*5, (rng.Float64()-0.5)*5
			f := spectrum.New(h, w)
			for i := range f.Data {
				f.Data[i] = complex(0.5+rng.Float64(), 0)
			}
			f.Ramp(kr, kc, 3, 4)
			gotR, gotC := spectrum.Peak(f)
			// Random weights correlate a little with the gradient: they move the peak by about 0.5/side^2.
			tol := 3 / float64(min(h, w)*min(h, w))
			if !(math.Abs(gotR-kr) <= tol && math.Abs(gotC-kc) <= tol) {
				t.Errorf("%d x %d: peak (%g, %g), want (%g, %g)", h, w, gotR, gotC, kr, kc)
			}
		}
	}
	// Even weights: the peak is where the ramp is, to the step at which Newton stops.
	f := spectrum.New(65, 80)
	for i := range f.Data {
		f.Data[i] = 1
	}
	f.Ramp(0.0123, -0.4567, 0, 0)
	if gotR, gotC := spectrum.Peak(f); !(math.Abs(gotR-0.0123) <= 1e-7 && math.Abs(gotC+0.4567) <= 1e-7) {
		t.Errorf("even weights: peak (%g, %g)", gotR, gotC)
	}
	if kr, kc := spectrum.Peak(spectrum.New(8, 8)); kr != 0 || kc != 0 {
		t.Errorf("zeros: peak (%g, %g), want 0", kr, kc)
	}
}

func TestSmooth(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 2, 7: 6, 64: 64, 115: 108, 116: 108, 121: 120, 1021: 1000} {
		if got := spectrum.Smooth(n); got != want {
			t.Errorf("Smooth(%d) = %d, want %d", n, got, want)
		}
	}
}

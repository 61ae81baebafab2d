package optics_test

import (
	"math"
	"math/cmplx"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/physics/optics"
)

func randomField(seed uint64, n int) *ndarray.Complex64 {
	re, im := testutil.Uniform(seed, -1, 1, n, n), testutil.Uniform(seed+1000, -1, 1, n, n)
	f := ndarray.New[complex64](n, n)
	for i := range f.Data {
		f.Data[i] = complex(re.Data[i], im.Data[i])
	}
	return f
}

// directIntensity is |FFT2|^2 / N^2, shifted, by the definition.
func directIntensity(wave []complex128, n int) []float64 {
	out := make([]float64, n*n)
	for k := range n {
		for l := range n {
			var sum complex128
			for r := range n {
				for c := range n {
					angle := -2 * math.Pi * float64((k-n/2)*r+(l-n/2)*c) / float64(n)
					sum += wave[r*n+c] * cmplx.Rect(1, angle)
				}
			}
			out[k*n+l] = real(sum*cmplx.Conj(sum)) / float64(n*n)
		}
	}
	return out
}

// TestIntensityIsTheDirectTransform: also for sides that are no power of two, and with an odd half.
func TestIntensityIsTheDirectTransform(t *testing.T) {
	for _, n := range []int{8, 34, 40} {
		checkIntensity(t, n)
	}
}

func checkIntensity(t *testing.T, n int) {
	t.Helper()
	wave := optics.ExitWave(randomField(1, n), randomField(2, n))
	want := directIntensity(wave, n)
	re, im := optics.DFTMatrix(n)
	byMatrix := matrixIntensity(wave, re, im, n)
	got := make([]float64, n*n)
	optics.NewPropagator(n).Intensity(wave, got)
	for i := range want {
		if !testutil.Close(got[i], want[i], 1e-11, 1e-11) { // double precision, up to 1600 terms
			t.Errorf("N %d, pixel %d: FFT %g, definition %g", n, i, got[i], want[i])
		}
		if !testutil.Close(byMatrix[i], want[i], 1e-5, 1e-5) { // the matrices are float32
			t.Errorf("N %d, pixel %d: matrices %g, definition %g", n, i, byMatrix[i], want[i])
		}
	}
}

func matrixIntensity(wave []complex128, re, im []float32, n int) []float64 {
	f := func(i, j int) complex128 { return complex(float64(re[i*n+j]), float64(im[i*n+j])) }
	left, out := make([]complex128, n*n), make([]float64, n*n)
	for i := range n {
		for j := range n {
			for k := range n {
				left[i*n+j] += f(i, k) * wave[k*n+j]
			}
		}
	}
	for i := range n {
		for j := range n {
			var sum complex128
			for k := range n {
				sum += left[i*n+k] * f(k, j)
			}
			out[i*n+j] = real(sum * cmplx.Conj(sum))
		}
	}
	return out
}

func TestEnergyIsConserved(t *testing.T) {
	const n = 64
	wave := optics.ExitWave(randomField(3, n), randomField(4, n))
	before := 0.0
	for _, v := range wave {
		before += real(v * cmplx.Conj(v))
	}
	intensity := make([]float64, n*n)
	optics.NewPropagator(n).Intensity(wave, intensity)
	after := 0.0
	for _, v := range intensity {
		after += v
	}
	if !testutil.Close(after, before, 0, 1e-12) { // Parseval, double precision
		t.Errorf("energy %g before, %g after", before, after)
	}
}

func TestAFlatWaveGoesToTheCentre(t *testing.T) {
	const n = 16
	wave := make([]complex128, n*n)
	for i := range wave {
		wave[i] = 1
	}
	intensity := make([]float64, n*n)
	optics.NewPropagator(n).Intensity(wave, intensity)
	for i, v := range intensity {
		want := 0.0
		if i == n/2*n+n/2 {
			want = n * n
		}
		if !testutil.Close(v, want, 1e-9, 1e-12) {
			t.Errorf("pixel %d: %g, want %g", i, v, want)
		}
	}
}

// shiftMatrix is the matrix (n, n) of optics.ShiftMatrixInto.
func shiftMatrix(d float64, n int) []float32 {
	m := make([]float32, n*n)
	optics.ShiftMatrixInto(m, d, n)
	return m
}

func TestShiftByNothingIsTheIdentity(t *testing.T) {
	const n = 64
	for i, v := range shiftMatrix(0, n) {
		want := float32(0)
		if i/n == i%n {
			want = 1
		}
		if v != want {
			t.Fatalf("entry %d is %g, want exactly %g", i, v, want)
		}
	}
}

func TestShiftMatrixIsTheShiftTheorem(t *testing.T) {
	for _, n := range []int{34, 40, 64, 96} {
		checkShiftMatrix(t, n)
	}
}

func checkShiftMatrix(t *testing.T, n int) {
	t.Helper()
	probe := randomField(5, n)
	for _, d := range [][2]float64{{0.25, -0.4}, {-0.5, 0.499}, {0, 0.1}, {0.3, 0}, {1e-9, -1e-9}} {
		want := optics.ShiftProbe(probe, d[0], d[1])
		sy, sx := shiftMatrix(d[0], n), shiftMatrix(d[1], n)
		got := ndarray.New[complex64](n, n)
		tmp := make([]complex128, n*n)
		for i := range n {
			for j := range n {
				for k := range n {
					tmp[i*n+j] += complex(float64(sy[i*n+k]), 0) * complex128(probe.Data[k*n+j])
				}
			}
		}
		for i := range n {
			for j := range n {
				var sum complex128
				for k := range n {
					sum += tmp[i*n+k] * complex(float64(sx[j*n+k]), 0)
				}
				got.Data[i*n+j] = complex64(sum)
			}
		}
		for i := range want.Data {
			// float32 matrices of row sum about 4 times a field of magnitude 1
			if !(cmplx.Abs(complex128(got.Data[i]-want.Data[i])) <= 1e-5) {
				t.Fatalf("N %d, shift %v, pixel %d: matrix %v, phase ramp %v", n, d, i, got.Data[i], want.Data[i])
			}
		}
	}
}

func TestAWholePixelShiftIsARoll(t *testing.T) {
	const n = 16
	probe := randomField(6, n)
	got := optics.ShiftProbe(probe, 1, -2)
	for r := range n {
		for c := range n {
			want := probe.Data[(r-1+n)%n*n+(c+2)%n]
			if !(cmplx.Abs(complex128(got.Data[r*n+c]-want)) <= 1e-6) { // one rounding to complex64
				t.Fatalf("(%d, %d): %v, want %v", r, c, got.Data[r*n+c], want)
			}
		}
	}
}

// Shift and ShiftProbe differ in the factor of the Nyquist frequency alone. A probe without that frequency is moved
// equally by both; for one with it only Shift keeps the energy.
func TestShiftKeepsTheNyquistFrequency(t *testing.T) {
	const n = 16
	probe := randomField(7, n)
	wave := make([]complex128, n*n)
	for i := range wave {
		wave[i] = complex128(probe.Data[i])
	}
	p := optics.NewPropagator(n)
	energy := func(w []complex128) (sum float64) {
		for _, v := range w {
			sum += real(v)*real(v) + imag(v)*imag(v)
		}
		return sum
	}
	before := energy(wave)
	p.Shift(wave, 0.3, -0.45)
	if after := energy(wave); !testutil.Close(after, before, 0, 1e-12) {
		t.Errorf("energy %g became %g", before, after)
	}
	if got := optics.Power(optics.ShiftProbe(probe, 0.3, -0.45)); testutil.Close(got, before, 0, 1e-3) {
		t.Errorf("the field has nothing at the Nyquist frequency: the test sees nothing")
	}
	smooth := ndarray.New[complex64](n, n)
	for i := range smooth.Data { // frequencies 2 and -3 along rows, 1 along columns
		y, x := float64(i/n), float64(i%n)
		smooth.Data[i] = complex64(cmplx.Rect(1, 2*math.Pi*(2*y+x)/n) + cmplx.Rect(0.5, 2*math.Pi*(x-3*y)/n))
		wave[i] = complex128(smooth.Data[i])
	}
	p.Shift(wave, 0.3, -0.45)
	for i, v := range optics.ShiftProbe(smooth, 0.3, -0.45).Data {
		if !(cmplx.Abs(wave[i]-complex128(v)) <= 1e-6) { // rounding to complex64, twice
			t.Fatalf("pixel %d: %v and %v", i, wave[i], v)
		}
	}
}

func TestProbePowerAndDigest(t *testing.T) {
	probe := randomField(7, 16)
	before := optics.ProbeDigest(probe)
	optics.NormalisePower(probe, 1e6)
	if p := optics.Power(probe); !testutil.Close(p, 1e6, 0, 1e-6) { // float32 factors
		t.Errorf("power %g, want 1e6", p)
	}
	if optics.ProbeDigest(probe) == before {
		t.Error("another probe has the same digest")
	}
}

package simulate_test

import (
	"math"
	"math/cmplx"
	"path/filepath"
	"testing"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
)

const n = 64

// options are those of a small scan.
func options() simulate.Options {
	return simulate.Options{
		N: n, Object: simulate.Lines, Absorption: 0.4, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 20,
		Scan: simulate.Raster, Count: 9, Step: 6.5, Photons: 1e5, Seed: 1,
	}
}

func run(t *testing.T, o simulate.Options) dataset.ScanData {
	t.Helper()
	scan, err := simulate.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return scan
}

// random is a field without any symmetry.
func random(seed uint64, h, w int, scale float64) *ndarray.Complex64 {
	re, im := testutil.Uniform(seed, -scale, scale, h, w), testutil.Uniform(seed+100, -scale, scale, h, w)
	field := ndarray.New[complex64](h, w)
	for i := range field.Data {
		field.Data[i] = complex(re.Data[i], im.Data[i])
	}
	return field
}

// scene is a file to be taken by ObjectFile; a member may be put in place of its own, or left out where it is nil.
func scene(t *testing.T, members map[string]any) string {
	t.Helper()
	all := map[string]any{
		dataset.KeyObject: random(1, 80, 90, 1), dataset.KeyProbe: random(2, n, n, 1),
		dataset.KeyX: []float64{32, 41.25, 57.5}, dataset.KeyY: []float64{32, 47.875, 33},
	}
	for key, value := range members {
		all[key] = value
	}
	var list []npz.Member
	for _, key := range []string{dataset.KeyObject, dataset.KeyProbe, dataset.KeyX, dataset.KeyY} {
		if all[key] != nil {
			list = append(list, npz.Member{Key: key, Value: all[key]})
		}
	}
	path := filepath.Join(t.TempDir(), "scene.npz")
	if err := npz.Write(path, list); err != nil {
		t.Fatal(err)
	}
	return path
}

// pattern are the amplitudes of pattern j.
func pattern(scan dataset.ScanData, j int) []float32 {
	return scan.Patterns.Data[j*n*n : (j+1)*n*n]
}

// direct is the intensity of pattern j by its definition, |FFT2(P O)|^2 / N^2 with zero frequency at [N/2, N/2], every
// sum written out.
func direct(scan dataset.ScanData, j int) []float64 {
	y, x := scan.Y[j], scan.X[j]
	probe := shifted(scan.Probe, frame.Fraction(y), frame.Fraction(x))
	top, left := int(math.Floor(y+0.5))-n/2, int(math.Floor(x+0.5))-n/2
	wave := make([]complex128, n*n)
	for r := range n {
		for c := range n {
			wave[r*n+c] = probe[r*n+c] * complex128(scan.Object.Data[(top+r)*scan.Object.Shape[1]+left+c])
		}
	}
	var turn [n]complex128
	for i := range turn {
		turn[i] = cmplx.Exp(complex(0, -2*math.Pi*float64(i)/n))
	}
	out := make([]float64, n*n)
	for k := range n {
		for l := range n {
			var sum complex128
			for r := range n {
				for c := range n {
					sum += wave[r*n+c] * turn[((k+n/2)*r+(l+n/2)*c)%n] // n/2 less is n/2 more, modulo n
				}
			}
			out[k*n+l] = real(sum*cmplx.Conj(sum)) / (n * n)
		}
	}
	return out
}

// shifted is the probe moved by (dy, dx) < 1: its band-limited interpolation, an explicit sum over frequencies along
// each axis, from -n/2 to n/2 - 1 as numpy.fft.fftfreq has them.
func shifted(probe *ndarray.Complex64, dy, dx float64) []complex128 {
	kernel := func(d float64) (k [n]complex128) {
		for m := range k {
			for f := -n / 2; f < n/2; f++ {
				k[m] += cmplx.Rect(1.0/n, 2*math.Pi*float64(f)*(float64(m)-d)/n)
			}
		}
		return k
	}
	down, right := kernel(dy), kernel(dx)
	half, out := make([]complex128, n*n), make([]complex128, n*n)
	for r := range n {
		for c := range n {
			for i := range n {
				half[r*n+c] += down[(r-i+n)%n] * complex128(probe.Data[i*n+c])
			}
		}
	}
	for r := range n {
		for c := range n {
			for i := range n {
				out[r*n+c] += half[r*n+i] * right[(c-i+n)%n]
			}
		}
	}
	return out
}

// checkExact compares amplitudes with the direct transform. Only the amplitude itself is rounded, to float32: one unit
// of 2^-24 of it. The rounding of both transforms in double precision is far below 1e-12 of the pattern's root mean
// square.
func checkExact(t *testing.T, what string, scan dataset.ScanData, j int) {
	t.Helper()
	const rounding = 1.0 / (1 << 24) * (1 + 1e-6)
	want := direct(scan, j)
	power := 0.0
	for _, v := range want {
		power += v
	}
	faults := 0
	for i, a := range pattern(scan, j) {
		if w := math.Sqrt(want[i]); !testutil.Close(float64(a), w, 1e-12*math.Sqrt(power)/n, rounding) {
			if faults++; faults <= 3 {
				t.Errorf("%s, pattern %d, pixel (%d, %d): amplitude %g, by the definition %g", what, j, i/n, i%n, a, w)
			}
		}
	}
}

package simulate_test

import (
	"math"
	"math/cmplx"
	"testing"

	"ptyx/internal/base/testutil"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/simulate"
)

func TestProbesHavePowerOneAndTheirSize(t *testing.T) {
	for _, size := range []int{64, 128} {
		for _, width := range []float64{float64(size) / 3, float64(size) / 2} {
			for _, kind := range []simulate.ProbeKind{simulate.Gaussian, simulate.Disk, simulate.ZonePlate} {
				probe, err := simulate.Probe(kind, size, width)
				if err != nil {
					t.Fatal(err)
				}
				if p := optics.Power(probe); !testutil.Close(p, 1, halfPrecise, 0) {
					t.Errorf("%s of %d pixels: power %g", kind, size, p)
				}
				var row, column, spread float64
				for i, v := range probe.Data {
					intensity := math.Pow(cmplx.Abs(complex128(v)), 2)
					y, x := float64(i/size-size/2), float64(i%size-size/2)
					row, column, spread = row+intensity*y, column+intensity*x, spread+intensity*(y*y+x*x)
				}
				// Of an even number of pixels the centre is not the middle: tails cut at the edge weigh a little.
				if !(math.Hypot(row, column) <= 0.1) {
					t.Errorf("%s of %d pixels, size %g: centre (%g, %g)", kind, size, width, row, column)
				}
				// A disc of diameter D has <r^2> = D^2/8, a ring with a hole of 0.35 D (1 + 0.35^2) times that;
				// diffraction widens and edges cut, by up to 12% in these sizes.
				want := map[simulate.ProbeKind]float64{simulate.Disk: width,
					simulate.ZonePlate: width * math.Sqrt(1+0.35*0.35)}[kind]
				if got := math.Sqrt(8 * spread); kind != simulate.Gaussian && !testutil.Close(got, want, 0, 0.12) {
					t.Errorf("%s of %d pixels: diameter %g, want %g", kind, size, got, want)
				}
			}
		}
	}
}

func TestAGaussianFallsToHalf(t *testing.T) {
	probe, err := simulate.Probe(simulate.Gaussian, n, 20)
	if err != nil {
		t.Fatal(err)
	}
	intensity := func(r, c int) float64 { return math.Pow(cmplx.Abs(complex128(probe.Data[r*n+c])), 2) }
	centre := intensity(n/2, n/2)
	for _, at := range [][2]int{{n/2 - 10, n / 2}, {n/2 + 10, n / 2}, {n / 2, n/2 - 10}, {n/2 + 6, n/2 + 8}} {
		if got := intensity(at[0], at[1]) / centre; !testutil.Close(got, 0.5, halfPrecise, 0) {
			t.Errorf("10 pixels from the centre, at %v, %g of its intensity is left", at, got)
		}
	}
}

package metrics_test

import (
	"encoding/json"
	"math"
	"math/cmplx"
	"os"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
	"ptyx/internal/quality/metrics"
)

// golden is testdata/golden.json, made by testdata/make_golden.py with scikit-image.
type golden struct {
	Plain struct {
		Amplitude float64    `json:"ssim_amplitude"`
		Range3    float64    `json:"ssim_range_3"`
		PSNR      float64    `json:"psnr_amplitude"`
		Shift     [2]float64 `json:"shift"`
	} `json:"plain"`
	Compat struct {
		Shift     [2]float64            `json:"shift"`
		Amplitude metrics.CompatQuality `json:"amplitude"`
		Phase     metrics.CompatQuality `json:"phase"`
	} `json:"compat"`
}

const goldenH, goldenW = 61, 84

// goldenScene and goldenOther are the maker's formulas.
func goldenScene(r, c float64) complex128 {
	amplitude := 0.8 + 0.1*math.Sin(0.21*r+0.13*c) + 0.07*math.Cos(0.004*(r-30)*(c-40)) + 0.05*math.Sin(0.9*c-0.5*r)
	phase := 0.4*math.Sin(0.31*c)*math.Cos(0.27*r) + 0.03*r - 0.02*c + 0.2*math.Sin(0.002*r*c)
	return cmplx.Rect(amplitude, phase)
}

func goldenOther(r, c float64) complex128 {
	e := complex(0.04*math.Sin(1.7*r+0.3*c), 0.03*math.Cos(0.2*r-1.3*c))
	return 1.3 * (goldenScene(r-0.62, c+1.38) + e) * cmplx.Rect(1, 0.01*c+0.4)
}

func grains(r, c float64) complex128 {
	v := 1000 * math.Sin(12.9898*r+78.233*c)
	return complex(1+0.25*(v-math.Floor(v)), 0)
}

// displaced moves an image cyclically.
func displaced(o *ndarray.Complex64, row, col float64) *ndarray.Complex64 {
	f := spectrum.New(o.Shape[0], o.Shape[1])
	for i, v := range o.Data {
		f.Data[i] = complex128(v)
	}
	f.Shift(row, col)
	out := ndarray.New[complex64](o.Shape...)
	for i, v := range f.Data {
		out.Data[i] = complex64(v)
	}
	return out
}

func TestGolden(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var want golden
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	check := func(what string, got, want, tol float64) {
		t.Helper()
		if !(math.Abs(got-want) <= tol) {
			t.Errorf("%s: %.12g, scikit-image and numpy have %.12g", what, got, want)
		}
	}
	truth, pred := image(0, 0, goldenH, goldenW, goldenScene), image(0, 0, goldenH, goldenW, goldenOther)
	x, y := make([]float64, goldenH*goldenW), make([]float64, goldenH*goldenW)
	low, high, mse := math.Inf(1), math.Inf(-1), 0.0
	for i := range x {
		x[i], y[i] = cmplx.Abs(complex128(truth.Object.Data[i])), cmplx.Abs(complex128(pred.Object.Data[i]))
		low, high, mse = min(low, x[i]), max(high, x[i]), mse+(x[i]-y[i])*(x[i]-y[i])/float64(len(x))
	}
	// Both sides start from complex64 whose last bit may differ (libm against Go): a few 1e-8, enlarged by the
	// variances that SSIM divides by.
	const tol = 1e-6
	check("SSIM", metrics.SSIM(y, x, nil, goldenH, goldenW, high-low), want.Plain.Amplitude, tol)
	check("SSIM over 3", metrics.SSIM(y, x, nil, goldenH, goldenW, 3), want.Plain.Range3, tol)
	check("PSNR", metrics.PSNR(mse, high-low), want.Plain.PSNR, tol)

	rough := image(0, 0, goldenH, goldenW+1, grains)
	moved := rough
	moved.Object = displaced(rough.Object, 2.34, -1.62)
	aligned, err := metrics.Compat(moved, rough, nil)
	if err != nil {
		t.Fatal(err)
	}
	check("shift row of grains", aligned.ShiftRow, want.Plain.Shift[0], 1e-9) // a multiple of 1/50
	check("shift column of grains", aligned.ShiftCol, want.Plain.Shift[1], 1e-9)
	check("amplitude SSIM of grains", aligned.Amplitude.SSIM, 1, tol)

	got, err := metrics.Compat(pred, truth, nil)
	if err != nil {
		t.Fatal(err)
	}
	check("shift row", got.ShiftRow, want.Compat.Shift[0], 1e-9)
	check("shift column", got.ShiftCol, want.Compat.Shift[1], 1e-9)
	for name, pair := range map[string][2]metrics.CompatQuality{
		"amplitude": {got.Amplitude, want.Compat.Amplitude}, "phase": {got.Phase, want.Compat.Phase},
	} {
		g, w := pair[0], pair[1]
		check(name+" MAE", g.MAE, w.MAE, tol)
		check(name+" MSE", g.MSE, w.MSE, tol)
		check(name+" PSNR", g.PSNR, w.PSNR, 1e-5)
		check(name+" SSIM", g.SSIM, w.SSIM, tol)
		check(name+" MS-SSIM", g.MSSSIM, w.MSSSIM, tol)
		check(name+" FRC at 1/2", g.FRC50, w.FRC50, 1e-4) // a quotient of small differences
		check(name+" FRC at 1/7", g.FRC1of7, w.FRC1of7, 1e-4)
		if len(g.FRC) != len(w.FRC) {
			t.Fatalf("%s: a curve of %d rings, want %d", name, len(g.FRC), len(w.FRC))
		}
		for i := range g.FRC {
			check(name+" FRC", g.FRC[i], w.FRC[i], 1e-5)
		}
	}
}

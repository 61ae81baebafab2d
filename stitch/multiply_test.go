package stitch

import (
	"math"
	"math/cmplx"
	"testing"

	"ptyx/internal/base/testutil"
)

// TestMultiply: a canvas multiplied with a factor is that of patches multiplied with it, and of variances multiplied
// with its square. A canvas that shares its variances stays as it was.
func TestMultiply(t *testing.T) {
	const n, count = 8, 5
	weights := testutil.Uniform(1, 0.1, 1, n, n)
	factor := func(row, col int) complex128 {
		return cmplx.Rect(1+0.2*math.Sin(float64(row)), float64(col)/3)
	}
	x, y := []float64{20, 23, 26, 21, 25}, []float64{11, 12, 10, 14, 15}
	plain, err := NewCanvas(x, y, n, weights)
	if err != nil {
		t.Fatal(err)
	}
	want, err := NewCanvas(x, y, n, weights)
	if err != nil {
		t.Fatal(err)
	}
	for i := range count {
		re, im := testutil.Uniform(uint64(10+i), -1, 1, n, n), testutil.Uniform(uint64(20+i), -1, 1, n, n)
		patch, multiplied := make([]complex64, n*n), make([]complex64, n*n)
		for k := range patch {
			patch[k] = complex(re.Data[k], im.Data[k])
			row, col := int(y[i])-n/2+k/n, int(x[i])-n/2+k%n
			multiplied[k] = complex64(complex128(patch[k]) * factor(row, col))
		}
		logs := testutil.Uniform(uint64(30+i), -3, 1, n, n).Data
		more := make([]float32, n*n)
		for k, v := range logs {
			row, col := int(y[i])-n/2+k/n, int(x[i])-n/2+k%n
			more[k] = v + float32(2*math.Log(cmplx.Abs(factor(row, col))))
		}
		if err := plain.AddWithVariance(i, x[i], y[i], patch, logs); err != nil {
			t.Fatal(err)
		}
		if err := want.AddWithVariance(i, x[i], y[i], multiplied, more); err != nil {
			t.Fatal(err)
		}
	}
	earlier, before, sharing := plain.Snapshot(), plain.Object(), plain.Emptied()
	variance := plain.Variance()
	plain.Multiply(factor)
	for i, v := range sharing.Variance().Data {
		if v != variance.Data[i] {
			t.Fatal("the variance of the other canvas has changed")
		}
	}
	for i, v := range plain.Variance().Data { // logarithms are rounded to 2^-16
		if w := want.Variance().Data[i]; !(math.Abs(float64(v-w)) <= 1e-4*float64(w)) {
			t.Fatalf("variance %v, want %v", v, w)
		}
	}
	earlier.Complete()
	for i, v := range earlier.Object.Data {
		if v != before.Data[i] {
			t.Fatal("an earlier snapshot has changed")
		}
	}
	object, spread, coverage := plain.Object(), plain.Spread(), plain.Coverage()
	wantObject, wantSpread, wantCoverage := want.Object(), want.Spread(), want.Coverage()
	for i := range object.Data {
		// Patches are rounded to 2^-24, and the canvas says that spreads below 2e-4 are rounding.
		if !(cmplx.Abs(complex128(object.Data[i]-wantObject.Data[i])) < 1e-6) {
			t.Fatalf("object %v, want %v", object.Data[i], wantObject.Data[i])
		}
		if !(math.Abs(float64(spread.Data[i]-wantSpread.Data[i])) < 2e-4) || coverage.Data[i] != wantCoverage.Data[i] {
			t.Fatalf("spread %v, want %v; coverage %v, want %v", spread.Data[i], wantSpread.Data[i], coverage.Data[i],
				wantCoverage.Data[i])
		}
	}
}

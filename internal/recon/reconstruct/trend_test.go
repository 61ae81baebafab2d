package reconstruct

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
)

// measure replaces the patterns of a scan by those of an object, without noise.
func measure(d dataset.ScanData, object func(row, col int) complex64) {
	far, patch, intensity := optics.NewPropagator(n), ndarray.New[complex64](n, n), make([]float64, n*n)
	for i := range d.X {
		row, col := frame.Corner(d.X[i], d.Y[i], n)
		for k := range patch.Data {
			patch.Data[k] = object(row+k/n, col+k%n)
		}
		probe := optics.ShiftProbe(d.Probe, frame.Fraction(d.Y[i]), frame.Fraction(d.X[i]))
		far.Intensity(optics.ExitWave(probe, patch), intensity)
		for k, v := range intensity {
			d.Patterns.Data[i*image+k] = float32(math.Sqrt(v))
		}
	}
}

// slow is an object whose patches a network finds but for slow errors, which patterns show: the same in all patches.
type slow struct {
	data    dataset.ScanData
	patches [][]complex64
}

func (slow) object(row, col int) complex64 {
	y, x := float64(row), float64(col)
	return complex64(cmplx.Rect(0.8+0.1*math.Sin(y/3)*math.Cos(x/2), 0.3*math.Cos(x/2.5+y/4)))
}

func slowErrors(count int) *slow {
	s := &slow{data: scanData(count)}
	measure(s.data, s.object)
	for i := range count {
		row, col := frame.Corner(s.data.X[i], s.data.Y[i], n)
		patch := make([]complex64, n*n)
		for k := range patch {
			y, x := float64(row+k/n), float64(col+k%n)
			factor := cmplx.Rect(1+0.1*math.Cos(x/14), 0.3*math.Sin(y/11)+0.2*math.Cos(x/13))
			patch[k] = s.object(row+k/n, col+k%n) * complex64(factor)
		}
		s.patches = append(s.patches, patch)
	}
	return s
}

// reconstructed adds all patches in an order, after the patterns of those for which seen is true were read.
func (s *slow) reconstructed(t *testing.T, scan *dataset.Scan, order []int, seen func(id int) bool) *Result {
	t.Helper()
	r, err := New(scan, model(1, "full"), Options{BatchSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range order {
		if seen(i) {
			r.note(i, s.data.Patterns.Data[i*image:(i+1)*image])
		}
		if _, err := r.Add(i, s.patches[i], nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Agree(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r.Result("none")
}

// stitched is the object of all patches, not turned and without a trend.
func (s *slow) stitched(t *testing.T, scan *dataset.Scan) *Result {
	t.Helper()
	r, err := New(scan, model(1, "full"), Options{BatchSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.patchFile.Close()
	for i, patch := range s.patches {
		if _, err := r.Add(i, patch, nil); err != nil {
			t.Fatal(err)
		}
	}
	return r.Result("none")
}

// error is the r.m.s. difference of a result from the object where it is well lit, after a common factor.
func (s *slow) error(r *Result) float64 {
	brightest := slices.Max(r.Coverage.Data)
	var product complex128
	var mine, square, count float64
	for pass := range 2 {
		for i, v := range r.Object.Data {
			if r.Coverage.Data[i] < brightest/10 {
				continue
			}
			a := complex128(v)
			b := complex128(s.object(r.Row+i/r.Object.Shape[1], r.Col+i%r.Object.Shape[1]))
			if pass == 0 {
				product, mine = product+cmplx.Conj(a)*b, mine+real(a)*real(a)+imag(a)*imag(a)
				continue
			}
			d := cmplx.Abs(product/complex(mine, 0)*a - b)
			square, count = square+d*d, count+1
		}
	}
	return math.Sqrt(square / count)
}

// TestTrend: patterns correct an error that all patches share. Neither the order of batches matters, nor whether their
// patterns were read before the end.
func TestTrend(t *testing.T) {
	const count = 40
	s := slowErrors(count)
	scan := opened(t, s.data)
	order := make([]int, count)
	for i := range order {
		order[i] = i
	}
	all, none := func(int) bool { return true }, func(int) bool { return false }
	want := s.reconstructed(t, scan, order, all)

	before, after := s.error(s.stitched(t, scan)), s.error(want)
	if !(before > 0.1 && after < before/3) {
		t.Errorf("the error is %.4f with the trend and %.4f without", after, before)
	}
	for what, got := range map[string]*Result{
		"another order": s.reconstructed(t, scan, rand.New(rand.NewPCG(1, 2)).Perm(count), all),
		"nothing seen":  s.reconstructed(t, scan, order, none),
		"half of it":    s.reconstructed(t, scan, order, func(id int) bool { return id >= count/2 }),
	} {
		if !slices.Equal(got.Object.Data, want.Object.Data) || !slices.Equal(got.Spread.Data, want.Spread.Data) {
			t.Errorf("%s: another object", what)
		}
	}
}

// TestMaskedPixelsShowNoTrend: pixels of the detector that were not measured may hold anything.
func TestMaskedPixelsShowNoTrend(t *testing.T) {
	s := slowErrors(20)
	order := make([]int, 20)
	measured := slices.Repeat([]bool{true}, image)
	for i := range order {
		order[i] = i
		measured[(i*97+5)%image] = false
	}
	scan := opened(t, s.data)
	scan.Measured = measured
	all := func(int) bool { return true }
	want := s.reconstructed(t, scan, order, all)
	for i := range s.data.Patterns.Data {
		if !measured[i%image] {
			s.data.Patterns.Data[i] = 500
		}
	}
	if got := s.reconstructed(t, scan, order, all); !slices.Equal(got.Object.Data, want.Object.Data) {
		t.Error("masked pixels change the object")
	}
	if with, without := s.error(want), s.error(s.stitched(t, scan)); !(with < without/2) {
		t.Errorf("the error is %.4f with the trend and %.4f without", with, without)
	}
}

// TestDamagedPatternsShowNoTrend: a pattern that is no number, or saturated, changes the object little.
func TestDamagedPatternsShowNoTrend(t *testing.T) {
	for what, value := range map[string]float32{"no number": float32(math.NaN()), "saturated": 6e4} {
		s := slowErrors(40)
		scan := opened(t, s.data) // with the patterns as they are; those that reconstructed notes are damaged
		s.data.Patterns.Data[image/2+n/2], s.data.Patterns.Data[5*image+7] = value, value
		order := make([]int, 40)
		for i := range order {
			order[i] = i
		}
		got := s.reconstructed(t, scan, order, func(int) bool { return true })
		if with, without := s.error(got), s.error(s.stitched(t, scan)); !(with < without/2) {
			t.Errorf("%s: the error is %.4f with the trend and %.4f without", what, with, without)
		}
	}
}

// TestSkippedPatchesShowNoTrend: where the patch of a frame is skipped, the next frame of its square takes part, as if
// the scan did not have the first.
func TestSkippedPatchesShowNoTrend(t *testing.T) {
	const count = 40
	s := slowErrors(count)
	s.patches[0][image/2+n/2] = complex(float32(math.NaN()), 0)
	s.patches[3][image/2+n/2] = complex(float32(math.Inf(1)), 0)
	scan := opened(t, s.data)
	order := make([]int, count)
	for i := range order {
		order[i] = i
	}
	got := s.reconstructed(t, scan, order, func(int) bool { return true })
	canvas, err := NewCanvas(model(1, "full"))
	if err != nil {
		t.Fatal(err)
	}
	if err := canvas.Cover(s.data.X, s.data.Y, nil); err != nil {
		t.Fatal(err)
	}
	kept := KeepPatches(model(1, "full"), t.TempDir(), 0)
	defer kept.Close()
	for i := range count {
		if i == 0 || i == 3 {
			continue
		}
		if err := canvas.Add(i, s.data.X[i], s.data.Y[i], s.patches[i]); err != nil {
			t.Fatal(err)
		}
		placed := Placed{int64(i), s.data.X[i], s.data.Y[i]}
		kept.Add(placed, s.patches[i])
		kept.See(placed, s.data.Patterns.Data[i*image:(i+1)*image])
	}
	want, err := kept.Agree(t.Context(), canvas, Optics{Probe: s.data.Probe}, nil)
	if err != nil || want.Trend == nil {
		t.Fatalf("%v, trend %v", err, want.Trend)
	}
	if len(got.Skipped) != 2 || !slices.Equal(got.Object.Data, want.Canvas.Object().Data) {
		t.Errorf("%d patterns skipped, another object than without them", len(got.Skipped))
	}
}

// TestPatternsWithoutRoom: the patches have room before the patterns. They are turned, and the reason why there is no
// trend is reported, whatever the order.
func TestPatternsWithoutRoom(t *testing.T) {
	const count = 10
	s := slowErrors(count)
	patches := int64(count * 8 * (image + 17*17))
	for _, first := range []bool{false, true} { // patterns before patches
		for _, room := range []int64{patches, patches + 4*image} {
			canvas, err := NewCanvas(model(1, "full"))
			if err == nil {
				err = canvas.Cover(s.data.X, s.data.Y, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			kept := KeepPatches(model(1, "full"), t.TempDir(), room)
			defer kept.Close()
			for i := range count {
				placed := Placed{int64(i), s.data.X[i], s.data.Y[i]}
				if first {
					kept.See(placed, s.data.Patterns.Data[i*image:(i+1)*image])
				}
				kept.Add(placed, s.patches[i])
				if err := canvas.Add(i, s.data.X[i], s.data.Y[i], s.patches[i]); err != nil {
					t.Fatal(err)
				}
				if !first {
					kept.See(placed, s.data.Patterns.Data[i*image:(i+1)*image])
				}
			}
			agreed, err := kept.Agree(t.Context(), canvas, Optics{Probe: s.data.Probe}, nil)
			if err != nil || agreed.Canvas == nil || agreed.Trend != nil || agreed.Untrended == nil {
				t.Errorf("%d bytes: %v, trend %v, %v", room, err, agreed.Trend, agreed.Untrended)
			}
		}
	}
}

// TestCentreNetworksHaveATrend: a network that predicts the centre of a patch lacks a part of the light at the border
// of a scan.
func TestCentreNetworksHaveATrend(t *testing.T) {
	s := slowErrors(40)
	scan := opened(t, s.data)
	c := model(1, "centre")
	stitched := func(agree bool) *Result {
		r, err := New(scan, c, Options{BatchSize: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer r.patchFile.Close()
		for i, patch := range s.patches {
			r.note(i, s.data.Patterns.Data[i*image:(i+1)*image])
			if _, err := r.Add(i, patch, nil); err != nil {
				t.Fatal(err)
			}
		}
		if agree {
			if err := r.Agree(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return r.Result("none")
	}
	if with, without := s.error(stitched(true)), s.error(stitched(false)); !(with < without/2) {
		t.Errorf("the error is %.4f with the trend and %.4f without", with, without)
	}
}

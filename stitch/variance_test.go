package stitch_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/testutil"
	"ptyx/stitch"
)

// logVariance is that of a frame, (N, N).
func (s scan) logVariance(frame int) []float32 {
	return testutil.Uniform(uint64(frame)+100, -12, -2, s.n, s.n).Data
}

// withVariance adds frames with their variances, and covers their positions first.
func (s scan) withVariance(t *testing.T, c *stitch.Canvas, frames ...int) {
	t.Helper()
	for _, i := range frames {
		if err := c.Cover(s.x[i:i+1], s.y[i:i+1], nil); err != nil {
			t.Fatal(err)
		}
		if err := c.AddWithVariance(i, s.x[i], s.y[i], s.patches[i], s.logVariance(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func growing(t *testing.T, s scan) *stitch.Canvas {
	t.Helper()
	c, err := stitch.NewGrowing(s.n, gaussian(s.n))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func all(s scan) []int {
	var frames []int
	for i := range s.x {
		frames = append(frames, i)
	}
	return frames
}

// TestVarianceIsTheGeometricMean compares with sums in loops, on a canvas that grows with every frame.
func TestVarianceIsTheGeometricMean(t *testing.T) {
	s := randomScan(2, 8, 40)
	c := growing(t, s)
	s.withVariance(t, c, all(s)...)
	got := c.Variance()
	top, left := c.Origin()
	height, width := c.Size()
	sum, total := make([]float64, height*width), make([]float64, height*width)
	weights := gaussian(s.n)
	for i := range s.x {
		row, col := frame.Corner(s.x[i], s.y[i], s.n)
		for k, l := range s.logVariance(i) {
			at := (row-top+k/s.n)*width + col - left + k%s.n
			w := float64(weights.Data[k] / slices.Max(weights.Data))
			sum[at], total[at] = sum[at]+w*float64(l), total[at]+w
		}
	}
	for i, v := range got.Data {
		switch {
		case total[i] == 0 && v != 0:
			t.Fatalf("pixel %d has a variance of %g without a patch", i, v)
		case total[i] > 0.01 && !testutil.Close(float64(v), math.Exp(sum[i]/total[i]), 0, 1e-2):
			t.Fatalf("pixel %d: variance %g, want %g", i, v, math.Exp(sum[i]/total[i]))
		}
	}
}

func TestVariancesComeInAnyOrder(t *testing.T) {
	s := randomScan(3, 8, 60)
	first, second := growing(t, s), growing(t, s)
	frames := all(s)
	s.withVariance(t, first, frames...)
	slices.Reverse(frames)
	s.withVariance(t, second, frames...)
	if !slices.Equal(first.Variance().Data, second.Variance().Data) || outputs(first) != outputs(second) {
		t.Error("another order of patches gives other bytes")
	}
}

func TestACanvasWithoutVariances(t *testing.T) {
	s := randomScan(4, 8, 3)
	c := s.canvas(t)
	s.add(t, c, all(s))
	if c.Variance() != nil {
		t.Error("a variance that no patch came with")
	}
	if err := c.AddWithVariance(9, s.x[0], s.y[0], s.patches[0], make([]float32, 3)); err == nil {
		t.Error("a variance of 3 values was taken")
	}
}

// Values that no variance has count as the largest and the smallest.
func TestVariancesThatAreNotFinite(t *testing.T) {
	s := randomScan(5, 8, 1)
	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), -1e30, 1e30} {
		c := growing(t, s)
		if err := c.Cover(s.x, s.y, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.AddWithVariance(0, s.x[0], s.y[0], s.patches[0], slices.Repeat([]float32{v}, s.n*s.n)); err != nil {
			t.Fatal(err)
		}
		want := math.Exp(32)
		if v < 0 {
			want = math.Exp(-32)
		}
		for _, got := range c.Variance().Data {
			if !testutil.Close(float64(got), want, 0, 1e-6) {
				t.Fatalf("%g becomes a variance of %g, want %g", v, got, want)
			}
		}
	}
}

// TestWithoutAPatch: the object without a patch is that of a canvas on which it never was.
func TestWithoutAPatch(t *testing.T) {
	s := randomScan(6, 8, 60)
	complete := s.canvas(t)
	s.add(t, complete, all(s))
	for _, left := range []int{0, 17, 59} {
		c := s.canvas(t)
		s.add(t, c, slices.Delete(all(s), left, left+1))
		object, others, err := complete.Without(s.x[left], s.y[left], s.patches[left])
		if err != nil {
			t.Fatal(err)
		}
		want, coverage := c.Object(), c.Coverage()
		top, leftmost := c.Origin()
		row, col := frame.Corner(s.x[left], s.y[left], s.n)
		for k := range object {
			at := (row-top+k/s.n)*want.Shape[1] + col - leftmost + k%s.n
			expected := want.Data[at]
			if coverage.Data[at] == 0 {
				expected = s.patches[left][k]
			}
			if object[k] != expected || others[k] != coverage.Data[at] {
				t.Fatalf("frame %d, pixel %d: %v of weight %g, want %v of %g", left, k, object[k], others[k], expected,
					coverage.Data[at])
			}
		}
	}
	if _, _, err := complete.Without(1e6, 0, s.patches[0]); !errors.Is(err, stitch.ErrOutside) {
		t.Errorf("outside the canvas: %v", err)
	}
}

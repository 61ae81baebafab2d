package testutil_test

import (
	"math"
	"slices"
	"testing"

	"ptyx/internal/base/testutil"
)

var nan, inf = math.NaN(), math.Inf(1)

func TestClose(t *testing.T) {
	for _, c := range []struct {
		got, want, abs, rel float64
		close               bool
	}{
		{1, 1, 0, 0, true}, {0, 0, 0, 0, true}, {1, 2, 0.5, 0, false}, {1.5, 2, 0.5, 0, true}, {2.5, 2, 0, 0.25, true},
		{2.51, 2, 0, 0.25, false},
		// relative to what is wanted, not to what is got
		{-1, 1, 0, 1, false}, {3, -2, 1, 2, true}, {2, 0, 0, 1, false},
		{nan, 1, inf, 0, false}, {1, nan, inf, 0, false}, {nan, nan, 1, 1, false}, {inf, 1, 1, 1, false},
		{1, 1, nan, 0, false},
	} {
		if got := testutil.Close(c.got, c.want, c.abs, c.rel); got != c.close {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

// fake is a test that may fail without consequences.
type fake struct {
	testing.TB
	faults int
	fatal  bool
}

func (*fake) Helper() {}

func (f *fake) Errorf(string, ...any) { f.faults++ }

func (f *fake) Fatalf(string, ...any) {
	f.fatal = true
	panic(f)
}

// checked are the faults that CheckClose reports.
func checked(got, want []float32, tol float64) (f fake) {
	defer func() {
		if r := recover(); r != nil && r != &f {
			panic(r)
		}
	}()
	testutil.CheckClose(&f, "arrays", got, want, tol)
	return f
}

func TestCheckClose(t *testing.T) {
	n := float32(nan)
	many := make([]float32, 100)
	for i := range many {
		many[i] = 2
	}
	for _, c := range []struct {
		name      string
		got, want []float32
		tol       float64
		faults    int
	}{
		{"equal", []float32{1, 2}, []float32{1, 2}, 0, 0},
		{"within the largest's tolerance", []float32{0.09, 10}, []float32{0, 10}, 0.01, 0},
		{"outside", []float32{0.11, 10}, []float32{0, 10}, 0.01, 1},
		{"NaN", []float32{n, 10}, []float32{0, 10}, 1, 1},
		{"NaN wanted", []float32{0, 10}, []float32{n, 10}, 1, 2}, // no scale is left to measure by
		{"zeros", []float32{1e-20}, []float32{0}, 1, 1},
		{"nothing", nil, nil, 0, 0},
		{"a hundred", make([]float32, 100), many, 0.5, 4}, // three, and their number
	} {
		if f := checked(c.got, c.want, c.tol); f.faults != c.faults || f.fatal {
			t.Errorf("%s: %d faults, want %d", c.name, f.faults, c.faults)
		}
	}
	if f := checked([]float32{1}, []float32{1, 2}, 1); !f.fatal {
		t.Error("another length is accepted")
	}
}

func TestUniform(t *testing.T) {
	a := testutil.Uniform(1, -2, 3, 4, 500)
	if !slices.Equal(a.Shape, []int{4, 500}) || !slices.Equal(a.Data, testutil.Uniform(1, -2, 3, 2000).Data) ||
		slices.Equal(a.Data, testutil.Uniform(2, -2, 3, 2000).Data) {
		t.Error("a draw depends on more, or on less, than its seed")
	}
	if low, high := slices.Min(a.Data), slices.Max(a.Data); low < -2 || high > 3 || high-low < 4.9 {
		t.Errorf("draws from %g to %g", low, high)
	}
}

package stitch_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/stitch"
)

// TestGrowing: a canvas that gets a scan's positions in parts, in any order, equals the one that got them at once.
func TestGrowing(t *testing.T) {
	s := randomScan(1, 8, 200)
	whole := s.canvas(t)
	order := rand.New(rand.NewPCG(3, 4)).Perm(len(s.x))
	s.add(t, whole, order)
	wantRow, wantCol := whole.Origin()
	wantHeight, wantWidth := whole.Size()
	for _, step := range []int{1, 7, 200} {
		c, err := stitch.NewGrowing(s.n, gaussian(s.n))
		if err != nil {
			t.Fatal(err)
		}
		moves, held := 0, int64(0)
		for i := 0; i < len(order); i += step {
			part := order[i:min(i+step, len(order))]
			var x, y []float64
			for _, f := range part {
				x, y = append(x, s.x[f]), append(y, s.y[f])
			}
			if err := c.Cover(x, y, func(will, now int64) error {
				if now != held || will <= now {
					t.Errorf("asked for %d bytes instead of %d, while %d are held", will, now, held)
				}
				moves, held = moves+1, will
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			s.add(t, c, part)
		}
		row, col := c.Origin()
		height, width := c.Size()
		if row != wantRow || col != wantCol || height != wantHeight || width != wantWidth ||
			outputs(c) != outputs(whole) {
			t.Errorf("in steps of %d: another object, %d x %d at (%d, %d); want %d x %d at (%d, %d)", step, height,
				width, row, col, wantHeight, wantWidth, wantRow, wantCol)
		}
		if moves > 12 {
			t.Errorf("in steps of %d: the pixels were moved %d times", step, moves)
		}
	}
}

func TestGrowingRefuses(t *testing.T) {
	s := randomScan(2, 8, 20)
	c, err := stitch.NewGrowing(s.n, gaussian(s.n))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add(0, 0, 0, s.patches[0]); !errors.Is(err, stitch.ErrOutside) {
		t.Errorf("a patch where nothing is covered: %v", err)
	}
	if err := c.Cover(s.x[:10], s.y[:10], nil); err != nil {
		t.Fatal(err)
	}
	all := make([]int, 10)
	for i := range all {
		all[i] = i
	}
	s.add(t, c, all)
	before := outputs(c)
	none := errors.New("no memory")
	for name, f := range map[string]func() error{
		"refused": func() error {
			return c.Cover([]float64{500}, []float64{500},
				func(int64, int64) error { return none })
		},
		"NaN":          func() error { return c.Cover([]float64{math.NaN()}, []float64{0}, nil) },
		"infinite":     func() error { return c.Cover([]float64{0}, []float64{math.Inf(-1)}, nil) },
		"far":          func() error { return c.Cover([]float64{1e300}, []float64{0}, nil) },
		"far together": func() error { return c.Cover([]float64{2e9}, []float64{2e9}, nil) },
	} {
		err := f()
		var bad *badinput.Error
		if errors.Is(err, none) != (name == "refused") || name != "refused" && !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.Cover([]float64{1}, nil, nil); err == nil {
		t.Error("x without y: taken")
	}
	if outputs(c) != before {
		t.Error("what was refused has changed the object")
	}
}

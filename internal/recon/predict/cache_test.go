package predict

import (
	"errors"
	"slices"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

const n = 8

// fake counts closed batches, and fails if a test sets prepare or close so.
type fake struct {
	prepare func(b int) error
	close   func() error
	closed  int
}

func (*fake) Provider() string { return "fake" }
func (*fake) Fallback() string { return "" }
func (*fake) Close() error     { return nil }

func (f *fake) Prepare(b int) (Batch, error) {
	return &fakeBatch{f, ndarray.New[float32](b, 1, n, n)}, f.prepare(b)
}

type fakeBatch struct {
	predictor *fake
	patterns  *ndarray.Float32
}

func (b *fakeBatch) Patterns() *ndarray.Float32 { return b.patterns }
func (b *fakeBatch) Offsets() *ndarray.Float32  { return nil }

func (b *fakeBatch) Run() (amplitude, phase *ndarray.Float32, err error) {
	return nil, nil, errors.New("not needed here")
}

func (b *fakeBatch) Close() error {
	b.predictor.closed++
	if b.predictor.close != nil {
		return b.predictor.close()
	}
	return nil
}

// TestCache: a recurring size is prepared once while it is among the latest, and Close closes all batches.
func TestCache(t *testing.T) {
	var sizes []int
	f := &fake{prepare: func(b int) error { sizes = append(sizes, b); return nil }}
	c := NewCache(f, 2)
	for _, samples := range []int{3, 1, 3, 3, 5, 3, 1} { // 5 replaces 1, not 3
		b, err := c.Batch([]int{samples, 1, n, n})
		if err != nil || b.Patterns().Shape[0] != samples {
			t.Fatalf("%d samples: %v", samples, err)
		}
	}
	if want := []int{3, 1, 5, 1}; !slices.Equal(sizes, want) || f.closed != 2 {
		t.Errorf("prepared %v and closed %d, expected %v and 2", sizes, f.closed, want)
	}
	if err := c.Close(); err != nil || f.closed != 4 {
		t.Errorf("%d of 4 were closed, %v", f.closed, err)
	}

	var bad *badinput.Error
	if _, err := c.Batch([]int{2, 1, n / 2, n / 2}); !errors.As(err, &bad) {
		t.Errorf("patterns of another size: %v", err)
	}
	broken := errors.New("no memory")
	f.prepare = func(int) error { return broken }
	if _, err := c.Batch([]int{7, 1, n, n}); !errors.Is(err, broken) {
		t.Errorf("a network that cannot be prepared: %v", err)
	}
	f.close = func() error { return broken }
	if err := c.Close(); !errors.Is(err, broken) {
		t.Errorf("a batch that cannot be closed: %v", err)
	}
}

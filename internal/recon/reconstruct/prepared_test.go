package reconstruct

import (
	"errors"
	"slices"
	"testing"

	"ptyx/internal/base/badinput"
)

// TestPrepared: a size that comes again is not prepared again while it is among the latest, and all are closed in the end.
func TestPrepared(t *testing.T) {
	var sizes []int
	f := &fake{channels: 1, prepare: func(b int) error { sizes = append(sizes, b); return nil }}
	p := NewPrepared(f, 2)
	for _, samples := range []int{3, 1, 3, 3, 5, 3, 1} { // 5 drives 1 out, not 3
		b, err := p.Of([]int{samples, 1, n, n})
		if err != nil || b.Patterns().Shape[0] != samples {
			t.Fatalf("%d samples: %v", samples, err)
		}
	}
	if want := []int{3, 1, 5, 1}; !slices.Equal(sizes, want) || f.closed != 2 {
		t.Errorf("prepared %v and closed %d, expected %v and 2", sizes, f.closed, want)
	}
	if err := p.Close(); err != nil || f.closed != 4 {
		t.Errorf("%d of 4 were closed, %v", f.closed, err)
	}

	var bad *badinput.Error
	if _, err := p.Of([]int{2, 1, n / 2, n / 2}); !errors.As(err, &bad) {
		t.Errorf("patterns of another size: %v", err)
	}
	broken := errors.New("no memory")
	f.prepare = func(int) error { return broken }
	if _, err := p.Of([]int{7, 1, n, n}); !errors.Is(err, broken) {
		t.Errorf("a network that cannot be prepared: %v", err)
	}
	f.close = func() error { return broken }
	if err := p.Close(); !errors.Is(err, broken) {
		t.Errorf("a batch that cannot be closed: %v", err)
	}
}

package watch

import "testing"

// TestParts: a round shares its frames between the workers, in batches of few sizes.
func TestParts(t *testing.T) {
	for _, c := range []struct{ workers, size, frames, part int }{
		{1, 16, 100, 16}, {1, 16, 16, 16}, {1, 16, 15, 8}, {1, 16, 1, 1}, {1, 10, 10, 10}, {1, 10, 9, 8},
		{2, 16, 32, 16}, {2, 16, 31, 16}, {2, 16, 16, 8}, {2, 16, 9, 4}, {2, 16, 3, 2}, {2, 16, 1, 1},
		{64, 16, 1024, 16}, {64, 16, 100, 2}, {64, 16, 3, 1},
	} {
		w := newNetwork(Options{BatchSize: c.size, Workers: c.workers})
		if part := w.part(c.frames); part != c.part {
			t.Errorf("%d frames for %d workers of batches of %d: in parts of %d, expected %d", c.frames, c.workers,
				c.size,
				part, c.part)
		}
	}
}

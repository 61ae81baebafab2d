package stitch_test

import (
	"errors"
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"ptyx/stitch"
)

// TestRefillEqualsAdd turns each patch by a phase of its own. A canvas refilled with the turned patches, in another
// order, has the object of one to which they were added. Its coverage and variance are those of the first patches, and
// its spread differs from the added ones by rounding: squared magnitudes are rounded to 2^-26 each.
func TestRefillEqualsAdd(t *testing.T) {
	const tolerance = 1e-5
	s := randomScan(3, 16, 30)
	first, added := s.canvas(t), s.canvas(t)
	for i, patch := range s.patches {
		patch[0] = complex(0, 40) // beyond MaxMagnitude, in the faintest corner: a canvas shortens it
		if err := first.AddWithVariance(i, s.x[i], s.y[i], patch, s.logVariance(i)); err != nil {
			t.Fatal(err)
		}
	}
	coverage, variance := first.Coverage(), first.Variance()
	refilled := first.Emptied()
	for i := len(s.patches) - 1; i >= 0; i-- {
		turned, by := slices.Clone(s.patches[i]), complex64(cmplx.Rect(1, float64(i)))
		for k := range turned {
			turned[k] *= by
		}
		if err := added.Add(i, s.x[i], s.y[i], turned); err != nil {
			t.Fatal(err)
		}
		if err := refilled.Refill(s.x[i], s.y[i], turned); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(refilled.Object().Data, added.Object().Data) {
		t.Error("the object is not that of the added patches")
	}
	if !slices.Equal(refilled.Coverage().Data, coverage.Data) {
		t.Error("the coverage has changed")
	}
	if !slices.Equal(refilled.Variance().Data, variance.Data) {
		t.Error("the variance has changed")
	}
	spread := refilled.Spread()
	for i, want := range added.Spread().Data {
		if got := spread.Data[i]; !(math.Abs(float64(got*got-want*want)) < tolerance) {
			t.Fatalf("pixel %d has a spread of %v, expected %v", i, got, want)
		}
	}
}

// TestAnEmptiedCanvasKnowsItsFrames: it refuses a frame that was added before, and a patch that lies elsewhere.
func TestAnEmptiedCanvasKnowsItsFrames(t *testing.T) {
	s := randomScan(4, 8, 3)
	c := s.canvas(t)
	s.add(t, c, all(s))
	c = c.Emptied()
	if err := c.Add(0, s.x[0], s.y[0], s.patches[0]); !errors.Is(err, stitch.ErrDuplicate) {
		t.Errorf("adding a frame again: %v", err)
	}
	if err := c.Refill(1e6, 0, s.patches[0]); !errors.Is(err, stitch.ErrOutside) {
		t.Errorf("refilling elsewhere: %v", err)
	}
	if err := c.Refill(s.x[0], s.y[0], s.patches[0][1:]); err == nil {
		t.Error("it took a patch that is too short")
	}
}

package solve

import (
	"testing"

	"ptyx/internal/base/ndarray"
)

// TestRefinementKeepsAGoodObject starts at the truth. With few photons, one pass of whole steps fits their noise. What
// is left of the truth must be nearer to that of one long step, which averages the noise of all patterns, than to that
// of whole steps. With many photons and an object that is wrong, whole steps are right, and the pass must gain as much.
func TestRefinementKeepsAGoodObject(t *testing.T) {
	onePass := func(p Problem, batch int) *Solution {
		o := usual()
		o.Passes, o.BatchSize = 1, batch
		return solved(t, p, o)
	}
	const count = 256 // 8 batches of 32
	noisy, truth := simulated(t, count, 2e3)
	noisy.Object = truth.Object
	whole := correlation(t, onePass(noisy, minBatchSize), truth)
	shared := correlation(t, onePass(noisy, 0), truth)
	long := correlation(t, onePass(noisy, count), truth)
	t.Logf("from the truth: %.4f with whole steps, %.4f with a share, %.4f with one step", whole, shared, long)
	if !(1-shared < (1-whole+1-long)/2) {
		t.Errorf("correlation %.4f, whole steps give %.4f and one step for all %.4f", shared, whole, long)
	}

	bright, truth := simulated(t, count, 1e8)
	bright.Object = ndarray.New[complex64](truth.Object.Shape...)
	for i := range bright.Object.Data {
		bright.Object.Data[i] = 1
	}
	whole = correlation(t, onePass(bright, minBatchSize), truth)
	shared = correlation(t, onePass(bright, 0), truth)
	t.Logf("from an empty object: %.4f with whole steps, %.4f with a share", whole, shared)
	if !(1-shared < 1.05*(1-whole)) {
		t.Errorf("correlation %.4f, whole steps give %.4f", shared, whole)
	}
}

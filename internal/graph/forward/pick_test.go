package forward_test

import (
	"slices"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

// TestPickedProbes: each pattern gets its own scan's, and a scan's probe the gradients of its patterns alone.
func TestPickedProbes(t *testing.T) {
	const scans = 3
	probes := randomParts(70, scans, n, n)
	of := []int{2, 0, 0, 2} // nothing of scan 1
	pick := ndarray.New[float32](len(of), scans)
	for j, scan := range of {
		pick.Data[j*scans+scan] = 1
	}
	cost := testutil.Uniform(71, 0.5, 1.5, 2, 2, n, n)
	b := newBench(t)
	leaves := b.feedPair(probes)
	picked := forward.PickProbe(leaves, b.feed(pick), []int{2, 2, n, n})
	weighted := ops.Mul(picked.Im, b.feed(cost))
	sum := ops.Sum(weighted)
	grads := program.Gradients(sum, []*gorgonia.Node{leaves.Im})
	got := b.compute(picked.Re, picked.Im, grads[0])
	gradient := make([]float32, scans*n*n)
	for j, scan := range of {
		for part, want := range []*ndarray.Float32{probes.re, probes.im} {
			if !slices.Equal(got[part].Data[j*n*n:(j+1)*n*n], want.Data[scan*n*n:(scan+1)*n*n]) {
				t.Errorf("pattern %d, part %d: not the probe of scan %d", j, part, scan)
			}
		}
		for q := range n * n {
			gradient[scan*n*n+q] += cost.Data[j*n*n+q]
		}
	}
	testutil.CheckClose(t, "gradient", got[2].Data, gradient, tolerance)
}

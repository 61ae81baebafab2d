package trainer

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/scan/dataset"
	"ptyx/models"
)

// sparse is a small scan whose patterns have hardly any light in common.
func sparse(t *testing.T, count int) *dataset.Scan {
	t.Helper()
	return opened(t, simulatedIn(t, 24, 12, count, 1))
}

// anchoredRequest is a training of the unrolled network on a sparse scan, as if from trained weights.
func anchoredRequest(t *testing.T, scan *dataset.Scan, threads int) (Request, *recorder) {
	t.Helper()
	c := unrolledNetwork()
	c.Gridsize, c.BatchSize, c.Shards, c.Threads, c.ProbePasses = 2, 8, 2, threads, 0
	r, progress := request(c, scan, fast(t, threads))
	r.Anchor = true
	return r, progress
}

func TestOnlyTrainedNetworksOfSparseScansAreAnchored(t *testing.T) {
	t.Parallel()
	thin, dense := sparse(t, 9), opened(t, simulated(t, 9, 1))
	for name, c := range map[string]struct {
		scan   *dataset.Scan
		change func(*Request)
		want   bool
	}{
		"little light in common":   {thin, func(*Request) {}, true},
		"much light in common":     {dense, func(*Request) {}, false},
		"one scan of two":          {dense, func(r *Request) { r.Scans = append(r.Scans, thin) }, true},
		"weights from the seed":    {thin, func(r *Request) { r.Anchor = false }, false},
		"known truth":              {thin, func(r *Request) { r.Config.Mode = Supervised }, false},
		"a network without probes": {thin, func(r *Request) { r.Config.Network = models.Pattern }, false},
	} {
		r, _ := anchoredRequest(t, c.scan, 1)
		c.change(&r)
		if got := r.anchored(); got != c.want {
			t.Errorf("%s: anchored %v, want %v", name, got, c.want)
		}
	}
}

// The anchor moves parameters and probe, but not at the first parameters. It is no part of the stated loss.
func TestTheAnchorHoldsTheFirstParameters(t *testing.T) {
	t.Parallel()
	scan := sparse(t, 9)
	step := func(anchor, moved bool) (loss float64, gradients []*ndarray.Float32) {
		r, _ := anchoredRequest(t, scan, 1)
		r.Anchor = anchor
		b := bindRequest(t, r, 1)
		if moved {
			for i, p := range b.state.Parameters {
				for k, v := range testutil.Uniform(uint64(i), -0.1, 0.1, p.Shape...).Data {
					p.Data[k] += v
				}
			}
		}
		return b.gradients(t)
	}
	for _, moved := range []bool{false, true} {
		loss, gradients := step(true, moved)
		free, freeGradients := step(false, moved)
		if !testutil.Close(loss, free, gradientTolerance, gradientTolerance) {
			t.Errorf("moved %v: loss %g, %g without an anchor", moved, loss, free)
		}
		most := 0.0 // difference in a parameter, in units of its largest gradient
		for i, g := range freeGradients {
			if scale := largest(g); scale > 0 {
				most = max(most, disagreement(gradients[i], g, nil, 0)/scale)
			}
		}
		if held := most > 10*gradientTolerance; held != moved {
			t.Errorf("moved %v: gradients differ by %g of the largest", moved, most)
		}
	}
}

// An anchored training has the same bytes if others compute its shards, and if it is resumed, which draws its first
// parameters anew.
func TestAnAnchoredTrainingResumes(t *testing.T) {
	t.Parallel()
	scan := sparse(t, 9)
	start, _ := anchoredRequest(t, scan, 1)
	initial := start.network(1).Initialise(77)
	undisturbed, _ := anchoredRequest(t, scan, 1)
	undisturbed.Initial = initial
	result := train(t, undisturbed)
	want := result.Model.Marshal()
	if got := len(result.State.Start); got != len(initial) {
		t.Fatalf("%d first parameters in the state, want %d", got, len(initial))
	}

	worker, _ := anchoredRequest(t, scan, 1)
	shards, err := NewTrainShards(t.Context(), worker)
	if err != nil {
		t.Fatal(err)
	}
	defer shards.Close()
	elsewhere, _ := anchoredRequest(t, scan, 2)
	elsewhere.Initial, elsewhere.Exchange = initial, shardsHere{workers: []shardsOfOne{shards}}
	if got := train(t, elsewhere).Model.Marshal(); !bytes.Equal(got, want) {
		t.Error("another model if others compute the shards")
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopped, progress := anchoredRequest(t, scan, 1)
	stopped.Initial, stopped.Checkpoint = initial, filepath.Join(t.TempDir(), StateFile)
	progress.afterBatch = func(int) { cancel() }
	if _, err := Train(ctx, stopped); err != nil {
		t.Fatal(err)
	}
	resumed, _ := anchoredRequest(t, scan, 1)
	resumed.Checkpoint, resumed.Resume = stopped.Checkpoint, stopped.Checkpoint
	if got := train(t, resumed).Model.Marshal(); !bytes.Equal(got, want) {
		t.Error("another model if the training is resumed")
	}
}

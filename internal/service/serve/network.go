package serve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/predict"
)

// Network is what computes batches, of any of the models that are served: here, or elsewhere.
type Network interface {
	// Compute fills in the patches of a batch, and names what has computed them. Several batches are computed at the same time, as many as
	// AtOnce says. When ctx is done, nobody waits for the batch any more: it may return early, or finish.
	Compute(ctx context.Context, model string, batch []predict.Request) (provider string, err error)
	// AtOnce is how many batches are worth computing at the same time, of all models together.
	AtOnce() int
	// Ready is nil where a batch would be taken now, and otherwise says what is missing.
	Ready() error
}

// local runs the networks in this process, one at a time: each uses all threads, and two at once would only get into each other's way.
type local map[string]*network

// network is that of one model.
type network struct {
	predictor predict.Predictor
	prepared  *predict.Cache
	sample    []int // shape of a sample
	batch     int
	pad       bool // every batch is filled up to full size
}

// keptSizes is how many sizes of batches stay prepared.
const keptSizes = 4

// newLocal makes networks of the models' predictors, for batches of so many samples at most.
func newLocal(models []Model, batch int) local {
	l := local{}
	for _, m := range models {
		l[m.Name] = &network{
			predictor: m.Predictor, prepared: predict.NewCache(m.Predictor, keptSizes), sample: m.sampleShape(), batch: batch,
			// A device prepares itself for each new size, which takes longer than computing a full batch; the CPU does not.
			pad: m.Predictor.Provider() == "CUDAExecutionProvider",
		}
	}
	return l
}

func (l local) AtOnce() int  { return 1 }
func (l local) Ready() error { return nil }

func (l local) Compute(_ context.Context, model string, batch []predict.Request) (provider string, err error) {
	n := l[model]
	return n.predictor.Provider(), n.run(batch)
}

// run gathers the pieces' patterns, runs the network and hands the patches out.
func (n *network) run(batch []predict.Request) error {
	values := 0
	for _, p := range batch {
		values += len(p.Patterns)
	}
	samples := values / ndarray.Size(n.sample)
	if n.pad {
		samples = n.batch
	}
	b, err := n.prepared.Batch(append([]int{samples}, n.sample...))
	if err != nil {
		return err
	}
	at := 0
	into := b.Patterns().Data
	for _, p := range batch {
		at += copy(into[at:], p.Patterns)
	}
	clear(into[at:])
	amplitude, phase, err := b.Run()
	if err != nil {
		return fmt.Errorf("running the network: %w", err)
	}
	at = 0
	for _, p := range batch {
		copy(p.Amplitude, amplitude.Data[at:])
		at += copy(p.Phase, phase.Data[at:])
	}
	return nil
}

// close gives up what is prepared, when nothing is computed any more.
func (l local) close() (err error) {
	for _, name := range slices.Sorted(maps.Keys(l)) {
		err = errors.Join(err, l[name].prepared.Close())
	}
	return err
}

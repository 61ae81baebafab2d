package serve

import (
	"context"
	"errors"
	"maps"
	"slices"

	"ptyx/internal/recon/predict"
)

// Network computes batches for all served models, in this process or on other machines.
type Network interface {
	// Compute fills in the patches of a batch and names the provider that computed them. Up to AtOnce batches are
	// computed concurrently. When ctx is done, nobody waits for the batch; Compute may return early or finish.
	Compute(ctx context.Context, model string, batch []predict.Request) (provider string, err error)
	// AtOnce is how many batches, of all models together, are worth computing at the same time.
	AtOnce() int
	// Ready returns nil if a batch would be computed now, and otherwise what is missing.
	Ready() error
}

// local runs the networks in this process, by name. It computes one batch at a time, since each uses all threads.
type local map[string]*network

type network struct {
	Model
	cache *predict.Cache
	batch int // most samples of a batch
}

// cachedSizes is how many batch sizes of a model stay prepared.
const cachedSizes = 4

func newLocal(models []Model, batch int) local {
	l := local{}
	for _, m := range models {
		l[m.Name] = &network{Model: m, cache: predict.NewCache(m.Predictor, cachedSizes), batch: batch}
	}
	return l
}

func (l local) AtOnce() int  { return 1 }
func (l local) Ready() error { return nil }

func (l local) Compute(_ context.Context, model string, batch []predict.Request) (provider string, err error) {
	n := l[model]
	return n.Predictor.Provider(), n.cache.Compute(batch, n.sampleShape(), n.batch)
}

// close releases the prepared batches when nothing is being computed.
func (l local) close() (err error) {
	for _, name := range slices.Sorted(maps.Keys(l)) {
		err = errors.Join(err, l[name].cache.Close())
	}
	return err
}

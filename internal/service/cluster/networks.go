package cluster

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"ptyx/internal/recon/predict"
)

// Networks says how a worker gets its networks.
type Networks struct {
	Given [][]byte // model files on this machine; others are fetched
	// Open loads a model. The worker closes the predictor before it calls release.
	Open func(model []byte) (p predict.Predictor, release func() error, err error)
}

const (
	cachedNetworks = 2 // for two jobs at the same time
	cachedSizes    = 2 // batch sizes: a job's, and its last one
)

// networks keeps the networks used last. One goroutine uses it.
type networks struct {
	Networks
	given map[Digest][]byte
	ready []*network // the latest last
}

// network is a loaded model.
type network struct {
	digest    Digest
	predictor predict.Predictor
	release   func() error
	cache     *predict.Cache
}

func newNetworks(o Networks) *networks {
	n := &networks{Networks: o, given: map[Digest][]byte{}}
	for _, model := range o.Given {
		n.given[sha256.Sum256(model)] = model
	}
	return n
}

// get returns the network of a model, and fetches the model if it is not on this machine.
func (n *networks) get(digest Digest, fetch func() ([]byte, error)) (*network, error) {
	if i := slices.IndexFunc(n.ready, func(r *network) bool { return r.digest == digest }); i >= 0 {
		r := n.ready[i]
		n.ready = append(slices.Delete(n.ready, i, i+1), r)
		return r, nil
	}
	model, given := n.given[digest]
	if !given {
		var err error
		if model, err = fetch(); err != nil {
			return nil, err
		}
	}
	if len(n.ready) == cachedNetworks {
		oldest := n.ready[0]
		n.ready = slices.Delete(n.ready, 0, 1)
		if err := oldest.close(); err != nil {
			return nil, fmt.Errorf("closing a network: %w", err)
		}
	}
	predictor, release, err := n.Open(model)
	if err != nil {
		return nil, err
	}
	r := &network{digest: digest, predictor: predictor, release: release,
		cache: predict.NewCache(predictor, cachedSizes)}
	n.ready = append(n.ready, r)
	return r, nil
}

func (n *networks) close() (err error) {
	for _, r := range n.ready {
		err = errors.Join(err, r.close())
	}
	n.ready = nil
	return err
}

func (n *network) close() error {
	return errors.Join(n.cache.Close(), n.predictor.Close(), n.release())
}

// compute sets the outputs of the network for a task, (B, C, N, N) each.
func (n *network) compute(t Task, o *Outcome) error {
	o.First, o.Second = make([]float32, len(t.Patterns)), make([]float32, len(t.Patterns))
	if t.Variance {
		o.LogVariance = make([]float32, len(t.Patterns))
	}
	request := predict.Request{
		Patterns: t.Patterns, Offsets: t.Offsets, Probe: t.Probe, First: o.First, Second: o.Second,
		LogVariance: o.LogVariance,
	}
	return n.cache.Compute([]predict.Request{request}, t.list()[1:], 0)
}

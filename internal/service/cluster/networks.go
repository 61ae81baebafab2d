package cluster

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"ptyx/internal/recon/predict"
)

// Networks are how a worker comes by what runs a model.
type Networks struct {
	Given [][]byte // model files that are here; others are fetched
	// Open makes a model ready. The predictor is closed before release is called.
	Open func(model []byte) (p predict.Predictor, release func() error, err error)
}

// How much stays ready for the next task.
const (
	keptModels = 2 // of two jobs at the same time
	keptSizes  = 2 // a job's batches, and its last one
)

// networks are those that are ready, the latest last. They are used by one goroutine.
type networks struct {
	Networks
	given map[Digest][]byte
	ready []*network
}

func newNetworks(o Networks) *networks {
	n := &networks{Networks: o, given: map[Digest][]byte{}}
	for _, model := range o.Given {
		n.given[sha256.Sum256(model)] = model
	}
	return n
}

// network is a model made ready.
type network struct {
	digest    Digest
	predictor predict.Predictor
	release   func() error
	prepared  *predict.Cache
}

// of gives the network of a model, which is fetched if it is not here.
func (n *networks) of(digest Digest, fetch func() ([]byte, error)) (*network, error) {
	if i := slices.IndexFunc(n.ready, func(r *network) bool { return r.digest == digest }); i >= 0 {
		r := n.ready[i]
		n.ready = append(slices.Delete(n.ready, i, i+1), r)
		return r, nil
	}
	model, here := n.given[digest]
	if !here {
		var err error
		if model, err = fetch(); err != nil {
			return nil, err
		}
	}
	if len(n.ready) == keptModels {
		oldest := n.ready[0]
		n.ready = slices.Delete(n.ready, 0, 1)
		if err := oldest.close(); err != nil {
			return nil, fmt.Errorf("giving up a network: %w", err)
		}
	}
	predictor, release, err := n.Open(model)
	if err != nil {
		return nil, err
	}
	r := &network{digest: digest, predictor: predictor, release: release, prepared: predict.NewCache(predictor, keptSizes)}
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
	return errors.Join(n.prepared.Close(), n.predictor.Close(), n.release())
}

// run computes the patches of a batch in new arrays, (B, C, N, N) each.
func (n *network) run(s shape, patterns []float32) (amplitude, phase []float32, err error) {
	amplitude, phase = make([]float32, len(patterns)), make([]float32, len(patterns))
	request := predict.Request{Patterns: patterns, Amplitude: amplitude, Phase: phase}
	return amplitude, phase, n.prepared.Compute([]predict.Request{request}, s.list()[1:], 0)
}

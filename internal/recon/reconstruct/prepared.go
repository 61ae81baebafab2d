package reconstruct

import (
	"errors"
	"fmt"
	"slices"

	"ptyx/internal/base/ndarray"
)

// Prepared are a Predictor's batches of the sizes that were asked for last, so that a size that comes again is not prepared again. It is
// used by one goroutine.
type Prepared struct {
	predictor Predictor
	kept      int
	batches   []Batch // the latest last
}

// NewPrepared keeps so many sizes, at least one. The predictor stays the caller's.
func NewPrepared(p Predictor, kept int) *Prepared { return &Prepared{predictor: p, kept: max(kept, 1)} }

// Of is the batch for patterns of a shape, (B, C, N, N); it stays valid until another size is asked for. A network that takes others is NotAPredictor.
func (p *Prepared) Of(shape []int) (Batch, error) {
	b, err := p.sized(shape[0])
	if err != nil {
		return nil, err
	}
	if got := b.Patterns().Shape; !ndarray.SameShape(got, shape) {
		return nil, NotAPredictor(fmt.Sprintf("input %v, where the patterns are %v", got, shape))
	}
	return b, nil
}

func (p *Prepared) sized(samples int) (Batch, error) {
	if i := slices.IndexFunc(p.batches, func(b Batch) bool { return b.Patterns().Shape[0] == samples }); i >= 0 {
		b := p.batches[i]
		p.batches = append(slices.Delete(p.batches, i, i+1), b)
		return b, nil
	}
	if len(p.batches) == p.kept {
		oldest := p.batches[0]
		p.batches = slices.Delete(p.batches, 0, 1)
		if err := oldest.Close(); err != nil {
			return nil, fmt.Errorf("giving up a batch: %w", err)
		}
	}
	b, err := p.predictor.Prepare(samples)
	if err != nil {
		return nil, fmt.Errorf("preparing the network for %d samples: %w", samples, err)
	}
	p.batches = append(p.batches, b)
	return b, nil
}

// Close gives up all batches.
func (p *Prepared) Close() (err error) {
	for _, b := range p.batches {
		err = errors.Join(err, b.Close())
	}
	p.batches = nil
	return err
}

package watch

import (
	"errors"
	"fmt"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/predict"
)

// network gathers patterns and runs the predictor on a batch of them.
type network struct {
	predictor predict.Predictor
	n, size   int
	pad       bool // every batch is filled up: results depend on its size
	patterns  []float32
	waiting   []frame

	full, rest predict.Batch // of size samples; of left samples
	left       int
}

func newNetwork(p predict.Predictor, n, size int) *network {
	return &network{predictor: p, n: n, size: size, pad: p.Provider() == "CUDAExecutionProvider"}
}

// add takes a pattern (N, N) in, which is copied, and reports whether the batch is full.
func (w *network) add(f frame, pattern []float32) (full bool) {
	w.patterns, w.waiting = append(w.patterns, pattern...), append(w.waiting, f)
	return len(w.waiting) == w.size
}

// run gives the patches (B, N, N) of the frames that wait, and forgets them.
func (w *network) run() (frames []frame, patches []complex64, err error) {
	if len(w.waiting) == 0 {
		return nil, nil, nil
	}
	b, err := w.batch(len(w.waiting))
	if err != nil {
		return nil, nil, fmt.Errorf("preparing the network for %d patterns: %w", len(w.waiting), err)
	}
	input := b.Patterns()
	if len(input.Shape) != 4 || !ndarray.SameShape(input.Shape[1:], []int{1, w.n, w.n}) {
		return nil, nil, predict.NotAPredictor(fmt.Sprintf("input %v, where the metadata say patterns of %d x %d", input.Shape, w.n, w.n))
	}
	clear(input.Data[copy(input.Data, w.patterns):])
	amplitude, phase, err := b.Run()
	if err != nil {
		return nil, nil, fmt.Errorf("running the network: %w", err)
	}
	patches = make([]complex64, len(w.patterns))
	predict.Polar(amplitude.Data[:len(patches)], phase.Data[:len(patches)], patches)
	frames = w.waiting
	w.patterns, w.waiting = w.patterns[:0], nil
	return frames, patches, nil
}

// batch is one for count samples: the full one, or one that is kept until another number comes.
func (w *network) batch(count int) (b predict.Batch, err error) {
	if count == w.size || w.pad {
		if w.full == nil {
			if b, err = w.predictor.Prepare(w.size); err != nil {
				return nil, err
			}
			w.full = b
		}
		return w.full, nil
	}
	if w.left == count {
		return w.rest, nil
	}
	if w.rest != nil {
		old := w.rest
		w.rest, w.left = nil, 0
		if err := old.Close(); err != nil {
			return nil, err
		}
	}
	if b, err = w.predictor.Prepare(count); err != nil {
		return nil, err
	}
	w.rest, w.left = b, count
	return b, nil
}

func (w *network) close() (err error) {
	for _, b := range []predict.Batch{w.full, w.rest} {
		if b != nil {
			err = errors.Join(err, b.Close())
		}
	}
	return err
}

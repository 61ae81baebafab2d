package watch

import (
	"ptyx/internal/recon/predict"
)

// network gathers single patterns into batches and runs the predictor on them.
type network struct {
	cache    *predict.Cache
	n, size  int       // pixels of a pattern's side; samples of a full batch
	patterns []float32 // (B, N, N), of the gathered frames
	gathered []frame
}

// cachedSizes is for full batches and the last one.
const cachedSizes = 2

func newNetwork(p predict.Predictor, n, size int) *network {
	return &network{cache: predict.NewCache(p, cachedSizes), n: n, size: size}
}

// add copies a pattern (N, N) and reports whether the batch is full.
func (w *network) add(f frame, pattern []float32) (full bool) {
	w.patterns, w.gathered = append(w.patterns, pattern...), append(w.gathered, f)
	return len(w.gathered) == w.size
}

// run returns the patches (B, N, N) of the gathered frames and starts the next batch.
func (w *network) run() (frames []frame, patches []complex64, err error) {
	if len(w.gathered) == 0 {
		return nil, nil, nil
	}
	amplitude, phase := make([]float32, len(w.patterns)), make([]float32, len(w.patterns))
	request := predict.Request{Patterns: w.patterns, Amplitude: amplitude, Phase: phase}
	if err := w.cache.Compute([]predict.Request{request}, []int{1, w.n, w.n}, w.size); err != nil {
		return nil, nil, err
	}
	patches = make([]complex64, len(w.patterns))
	predict.Polar(amplitude, phase, patches)
	frames = w.gathered
	w.patterns, w.gathered = w.patterns[:0], nil
	return frames, patches, nil
}

package watch

import (
	"errors"
	"math/bits"
	"time"

	"golang.org/x/sync/errgroup"

	fr "ptyx/internal/base/frame"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/predict"
)

// network gathers frames and runs the predictor on them: a round of batches at a time, one for each worker.
type network struct {
	caches   []*predict.Cache // of the workers
	contract contract.Contract
	n, size  int       // side of a pattern in pixels; frames of a full batch
	patterns []float32 // (B, N, N), of the gathered frames
	offsets  []float32 // (B, 2), subpixel parts of their positions
	gathered []frame
	exposure exposure
	probe    predict.Probe // in place of the model's; none: the model's
}

func newNetwork(o Options) *network {
	w := &network{
		contract: o.Contract, n: o.Contract.N, size: o.BatchSize,
		exposure: exposure{Exposure: o.Exposure, known: o.Exposure.Tolerance == 0},
	}
	for range max(1, o.Workers) {
		w.caches = append(w.caches, predict.NewCache(o.Predictor, bits.Len(uint(o.BatchSize))+1)) // see part
	}
	return w
}

// round is the number of frames of full batches for all workers.
func (w *network) round() int { return w.size * len(w.caches) }

// add copies a pattern (N, N) and reports whether there is a full round.
func (w *network) add(f frame, pattern []float32, now time.Time) (full bool) {
	w.exposure.note(f, now)
	w.patterns, w.gathered = append(w.patterns, pattern...), append(w.gathered, f)
	w.offsets = fr.AppendOffset(w.offsets, f.x, f.y)
	return len(w.gathered) >= w.round()
}

// part is the number of frames in each batch of a round of count frames: a full batch, or a power of 2. Each new size
// costs the network a preparation, so few sizes may recur.
func (w *network) part(count int) int {
	share := (count + len(w.caches) - 1) / len(w.caches)
	if share >= w.size {
		return w.size
	}
	return 1 << (bits.Len(uint(share)) - 1)
}

// run returns the patches (B, N, N) of a round of gathered frames, which leave the network, with their patterns
// (B, N, N). There may be more of them.
func (w *network) run() (frames []frame, patterns []float32, patches []complex64, err error) {
	if len(w.gathered) == 0 {
		return nil, nil, nil, nil
	}
	part := w.part(len(w.gathered))
	parts := min(len(w.caches), len(w.gathered)/part)
	count, image := part*parts, w.n*w.n
	patches = make([]complex64, count*image)
	var g errgroup.Group
	for i := range parts {
		g.Go(func() error {
			from, to := i*part, (i+1)*part
			return w.compute(w.caches[i], w.patterns[from*image:to*image], w.offsets[2*from:2*to],
				patches[from*image:to*image])
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, nil, err
	}
	frames, patterns = w.gathered[:count:count], w.patterns[:count*image:count*image]
	w.patterns = append([]float32(nil), w.patterns[count*image:]...)
	w.offsets = append(w.offsets[:0], w.offsets[2*count:]...)
	w.gathered = append([]frame(nil), w.gathered[count:]...)
	return frames, patterns, patches, nil
}

// compute runs the predictor on patterns (B, N, N) with offsets (B, 2), and writes their patches.
func (w *network) compute(cache *predict.Cache, patterns, offsets []float32, patches []complex64) error {
	request := predict.Request{
		Patterns: patterns, Offsets: offsets, Probe: w.probe,
		First: make([]float32, len(patterns)), Second: make([]float32, len(patterns)),
	}
	if err := cache.Compute([]predict.Request{request}, []int{1, w.n, w.n}, w.size); err != nil {
		return err
	}
	predict.Complex(w.contract, request.First, request.Second, patches)
	return nil
}

// close releases what the workers hold.
func (w *network) close() (err error) {
	for _, c := range w.caches {
		err = errors.Join(err, c.Close())
	}
	return err
}

package watch

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/bits"
	"time"

	fr "ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
	"ptyx/stitch"
)

// frame is a frame in the object, or on its way there.
type frame struct {
	id   int64
	x, y float64 // object pixels
	sum  uint64  // of its pattern and position, to recognize a frame that comes again
	from *file
}

// checksum is the FNV-1a hash of a frame's position and pattern.
func checksum(f frame, pattern []float32) uint64 {
	h := fnv.New64a()
	for _, values := range []any{f.x, f.y, pattern} {
		_ = binary.Write(h, binary.LittleEndian, values) // never fails
	}
	return h.Sum64()
}

// object is the object so far, and which frames are in it.
type object struct {
	canvas  *stitch.Canvas
	frames  map[int64]frame
	placed  []reconstruct.Placed // the same frames, in the order of their arrival
	pending map[int64]frame      // in the network
	refused map[int64]bool       // ids of frames that cannot be used
	differ  map[int64]bool       // ids that came again with other values
	largest int64                // id seen; -1: none
	version int                  // counts the frames added
	scale   fr.Scale             // a pixel in pixels of the scan's files
}

func newObject(canvas *stitch.Canvas) *object {
	return &object{
		canvas: canvas, frames: map[int64]frame{}, pending: map[int64]frame{}, refused: map[int64]bool{},
		differ: map[int64]bool{}, largest: -1,
	}
}

// claim notes that a frame is pending, or returns the known frame of its id.
func (o *object) claim(f frame) (known frame, repeated bool) {
	if known, repeated = o.frames[f.id]; repeated {
		return known, true
	}
	if known, repeated = o.pending[f.id]; repeated {
		return known, true
	}
	o.pending[f.id] = f
	return frame{}, false
}

// put adds the patch (N, N) of a claimed frame to the canvas. On error the frame is refused and may come again.
func (o *object) put(f frame, patch []complex64) error {
	delete(o.pending, f.id)
	o.refused[f.id] = true // until it is in
	if !o.canvas.Usable(patch) {
		return fmt.Errorf("frame %d: %w", f.id, stitch.ErrValue)
	}
	if err := o.canvas.Cover([]float64{f.x}, []float64{f.y}, nil); err != nil {
		return err
	}
	if err := o.canvas.Add(int(f.id), f.x, f.y, patch); err != nil {
		return err
	}
	delete(o.refused, f.id)
	o.frames[f.id] = f
	o.placed = append(o.placed, reconstruct.Placed{ID: f.id, X: f.x, Y: f.y})
	o.version++
	return nil
}

// result is the object so far, as reconstruct.Run makes it of a complete scan. It is valid after complete, which
// another goroutine may call.
func (o *object) result(provider string, probe *ndarray.Complex64) (r *reconstruct.Result, complete func()) {
	r, complete = reconstruct.FromFrames(o.canvas, provider, probe, o.placed)
	r.Scale = o.scale
	return r, complete
}

// cachedSizes is for full batches and the last one.
const cachedSizes = 2

// network gathers frames into batches and runs the predictor on them.
type network struct {
	cache     *predict.Cache
	predictor predict.Predictor
	contract  contract.Contract
	n, size   int       // side of a pattern in pixels; frames of a full batch
	patterns  []float32 // (B, N, N), of the gathered frames
	offsets   []float32 // (B, 2), subpixel parts of their positions
	gathered  []frame
	exposure  exposure
	probe     predict.Probe // in place of the model's; none: the model's
	halving   bool          // part of a batch is computed in sizes of powers of 2, so that few sizes recur
}

func newNetwork(p predict.Predictor, c contract.Contract, size int, e Exposure) *network {
	return &network{
		cache: predict.NewCache(p, cachedSizes), predictor: p, contract: c, n: c.N, size: size,
		exposure: exposure{Exposure: e, known: e.Tolerance == 0},
	}
}

// add copies a pattern (N, N) and reports whether the batch is full.
func (w *network) add(f frame, pattern []float32, now time.Time) (full bool) {
	w.exposure.note(f, now)
	w.patterns, w.gathered = append(w.patterns, pattern...), append(w.gathered, f)
	w.offsets = fr.AppendOffset(w.offsets, f.x, f.y)
	return len(w.gathered) >= w.size
}

// halve has part of a batch computed in few sizes: each new size costs the network a preparation.
func (w *network) halve() {
	w.halving = true
	w.cache = predict.NewCache(w.predictor, bits.Len(uint(w.size))+1)
}

// run returns the patches (B, N, N) of gathered frames, which leave the batch, with their patterns (B, N, N). There may
// be more of them.
func (w *network) run() (frames []frame, patterns []float32, patches []complex64, err error) {
	count := min(len(w.gathered), w.size)
	if count == 0 {
		return nil, nil, nil, nil
	}
	if w.halving && count < w.size {
		count = 1 << (bits.Len(uint(count)) - 1)
	}
	values := count * w.n * w.n
	request := predict.Request{
		Patterns: w.patterns[:values], Offsets: w.offsets[:2*count],
		First: make([]float32, values), Second: make([]float32, values), Probe: w.probe,
	}
	if err := w.cache.Compute([]predict.Request{request}, []int{1, w.n, w.n}, w.size); err != nil {
		return nil, nil, nil, err
	}
	patches = make([]complex64, values)
	predict.Complex(w.contract, request.First, request.Second, patches)
	frames = w.gathered[:count:count]
	patterns = w.patterns[:values:values]
	w.patterns = append([]float32(nil), w.patterns[values:]...)
	w.offsets = append(w.offsets[:0], w.offsets[2*count:]...)
	w.gathered = append([]frame(nil), w.gathered[count:]...)
	return frames, patterns, patches, nil
}

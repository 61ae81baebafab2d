package watch

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"

	fr "ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
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
	placed  []reconstruct.Placed   // the frames in it, in the order of their arrival
	sums    table[uint64]          // of the same frames
	pending map[int64]frame        // in the network
	refused map[int64]bool         // ids of frames that cannot be used
	differ  map[int64]bool         // ids that came again with other values
	largest int64                  // id seen; -1: none
	version int                    // counts the changes
	patches *reconstruct.PatchFile // for agree; nil: there is no network of one channel
	scale   fr.Scale               // a pixel in pixels of the scan's files
}

func newObject(canvas *stitch.Canvas, patches *reconstruct.PatchFile) *object {
	return &object{
		patches: patches, canvas: canvas, pending: map[int64]frame{}, refused: map[int64]bool{},
		differ: map[int64]bool{}, largest: -1,
	}
}

// claim notes that a frame is pending, or returns the checksum of the known frame of its id.
func (o *object) claim(f frame) (sum uint64, repeated bool) {
	if sum, repeated = o.sum(f.id); !repeated {
		o.pending[f.id] = f
	}
	return sum, repeated
}

// sum is the checksum of the frame of an id that is in the object or pending.
func (o *object) sum(id int64) (sum uint64, known bool) {
	if sum, known = o.sums.get(id); known {
		return sum, true
	}
	f, known := o.pending[id]
	return f.sum, known
}

// put adds the patch (N, N) of a claimed frame, made from a pattern (N, N), to the canvas. On error the frame is
// refused and may come again.
func (o *object) put(f frame, patch []complex64, pattern []float32) error {
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
	o.sums.add(f.id, f.sum)
	placed := reconstruct.Placed{ID: f.id, X: f.x, Y: f.y}
	o.placed = append(o.placed, placed)
	o.patches.Add(placed, patch)
	o.patches.See(placed, pattern)
	o.version++
	return nil
}

// agree turns the patches to one phase and adds the trend, as reconstruct.Run does at its end. On error the object
// stays as it is. untrended is why it has no trend.
func (o *object) agree(ctx context.Context, optics reconstruct.Optics) (untrended, err error) {
	agreed, err := o.patches.Agree(ctx, o.canvas, optics, nil)
	if err == nil {
		o.canvas = agreed.Canvas
		o.version++
	}
	return agreed.Untrended, err
}

// result is the object so far. After agree, it is that of reconstruct.Run of a complete scan. It is valid after
// complete, which another goroutine may call.
func (o *object) result(provider string, probe *ndarray.Complex64) (r *reconstruct.Result, complete func()) {
	r, complete = reconstruct.FromFrames(o.canvas, provider, probe, o.placed)
	r.Scale = o.scale
	return r, complete
}

package watch

import (
	"fmt"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/reconstruct"
	"ptyx/stitch"
)

// frame is one that is in the object, or on its way.
type frame struct {
	id   int64
	x, y float64
	sum  uint64 // of its pattern and place, to tell a repeated frame from another one
	from *file
}

func (f frame) position() (x, y float64) { return f.x, f.y }

// object is what has been seen so far.
type object struct {
	canvas  *stitch.Canvas
	frames  map[int64]frame
	coming  map[int64]frame // on their way through the network
	refused map[int64]bool  // those of which nothing can be made
	differ  map[int64]bool  // those that came again with other values
	largest int64           // id; -1: none
	version int             // grows with each frame
}

func newObject(canvas *stitch.Canvas) *object {
	return &object{canvas: canvas, frames: map[int64]frame{}, coming: map[int64]frame{}, refused: map[int64]bool{}, differ: map[int64]bool{}, largest: -1}
}

// claim notes that a frame is on its way. known is the frame of this id that was there before.
func (o *object) claim(f frame) (known frame, repeated bool) {
	if known, repeated = o.frames[f.id]; repeated {
		return known, true
	}
	if known, repeated = o.coming[f.id]; repeated {
		return known, true
	}
	o.coming[f.id] = f
	return frame{}, false
}

// put lays the patch of a claimed frame on the canvas. On error the frame is as if it had never come.
func (o *object) put(f frame, patch []complex64) error {
	delete(o.coming, f.id)
	o.refused[f.id] = true // until it is in
	if !stitch.Usable(patch) {
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
	o.version++
	return nil
}

// result is the object so far, as reconstruct.Run makes it of a whole scan.
func (o *object) result(provider string, probe *ndarray.Complex64) *reconstruct.Result {
	return reconstruct.FromFrames(o.canvas, provider, probe, o.frames, frame.position)
}

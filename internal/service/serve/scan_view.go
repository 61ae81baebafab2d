package serve

import (
	"strconv"

	fr "ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/service/viewer"
	"ptyx/stitch"
)

// viewed is a scan as its page shows it. Package viewer calls its methods without the scan's lock, so frames must be
// shown without it, too.
type viewed struct{ *scan }

// shown returns the canvas and the object of the solver. Both are nil if they do not exist.
func (v viewed) shown() (canvas *stitch.Canvas, refined *reconstruct.Result) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.latest != nil && v.latest.refined {
		refined = v.latest.Result
	}
	return v.canvas, refined
}

// Box is the object's place in the scan's frame, in pixels.
func (v viewed) Box() (b fr.Box) {
	canvas, _ := v.shown()
	if canvas == nil { // the scan was deleted
		return b
	}
	return canvas.Box()
}

// Look reads pixels of the object: the solver's once it is done, else the network's.
func (v viewed) Look(top, left, rows, cols, step int, values []complex64, coverage []float32, _ []bool) {
	canvas, refined := v.shown()
	if canvas == nil {
		return
	}
	canvas.Look(top, left, rows, cols, step, values, coverage)
	if refined != nil {
		refined.Look(top, left, rows, cols, step, values)
	}
}

// Probe is the solver's, if it has refined it, else the network's.
func (v viewed) Probe() *ndarray.Complex64 {
	if _, refined := v.shown(); refined != nil && refined.Probe != nil {
		return refined.Probe
	}
	return v.probe.current()
}

// Status is the state of the scan.
func (v viewed) Status() viewer.Status {
	t := v.status()
	facts := []viewer.Fact{{Name: "repeated", Value: strconv.Itoa(t.Repeated)}, {Name: "model", Value: t.Model}}
	if t.Refine > 0 {
		facts = append(facts, viewer.Fact{Name: "passes of the solver", Value: strconv.Itoa(t.Refine)})
	}
	if t.Error != "" {
		facts = append(facts, viewer.Fact{Name: "error", Value: t.Error})
	}
	return viewer.Status{State: string(t.State), Frames: t.Frames, PixelNM: t.PixelSizeNM, Facts: facts}
}

// show tells the scan's pages about frames that were added to the object. The scan must not be locked.
func (s *scan) show(frames newFrames) {
	for i, id := range frames.ids {
		x, y := frames.x[i], frames.y[i]
		s.view.Offer(viewer.Frame{ID: id, X: x, Y: y, Pattern: frames.patterns[i*s.image() : (i+1)*s.image()]})
		s.view.Added(id, x, y)
	}
}

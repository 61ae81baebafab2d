package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	fr "ptyx/internal/base/frame"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/service/scanstore"
	"ptyx/internal/service/viewer"
	"ptyx/stitch"
)

// state is the state of a scan as clients see it.
type state string

const (
	restoring state = "returning" // its frames are read from the disk
	open      state = "open"      // it accepts frames
	refining  state = "refining"  // patches are turned to one phase, or the solver runs
	finished  state = "finished"
	failed    state = "failed" // the solver failed; the network's object is available
)

// scanOptions are a client's choices when it creates a scan.
type scanOptions struct {
	Model       string  `json:"model"`
	Name        string  `json:"name"`          // shown on the page
	Input       string  `json:"input"`         // "amplitude" or "intensity"
	Positions   string  `json:"positions"`     // "pixels" or "metres"
	PixelSizeNM float64 `json:"pixel_size_nm"` // of the object; 0: unknown
	Refine      int     `json:"refine"`        // passes of the solver at the end
	// The parts of the scan's probe, (N, N) each; empty: the model's probe is used.
	ProbeRe json.RawMessage `json:"probe_re,omitempty"`
	ProbeIm json.RawMessage `json:"probe_im,omitempty"`
}

// scan is an object that grows with each frame. Each id counts once, and the canvas's sums do not depend on the order,
// so the same frames always give the same bytes, those of ptyx infer.
type scan struct {
	id         string
	number     int // in the order of creation
	options    scanOptions
	model      *served
	probe      *scanProbe
	stored     *scanstore.Scan // its frames on disk; nil: they are not stored
	budget     *budget
	changed    signal
	anyChanged *signal // of the list of scans
	posts      *gate   // posts of frames in progress
	ctx        context.Context
	cancel     context.CancelFunc
	drawing    chan struct{}  // holds a token while a picture is drawn
	view       *viewer.Viewer // shows the object on pages

	mu        sync.Mutex
	canvas    *stitch.Canvas
	patches   *reconstruct.PatchFile // until they are turned to one phase
	rest      chan struct{}          // closed when nothing is left to do after the end
	state     state
	frames    map[int64]frame
	pending   map[int64]chan struct{} // frames in the network; the channel is closed when they are done
	providers map[string]bool         // what computed the patches
	repeated  int                     // frames that were posted before
	version   int                     // of the object
	bytes     int64                   // claimed from the budget
	deleted   bool
	problem   string    // why the solver failed, or what was not restored
	latest    *snapshot // nil: nobody has asked for the object
	pictures  map[string]picture
}

// frame is what a scan keeps of a stitched frame.
type frame struct {
	x, y    float64   // object pixels
	pattern []float32 // (N, N) amplitudes, only if the scan will be refined
}

// frameBytes is the memory for a frame's id and position in maps and in the canvas, even with sparse ids.
const frameBytes = 1 << 10

// newFrames are the frames of one post.
type newFrames struct {
	ids      []int64
	x, y     []float64 // object pixels
	patterns []float32 // (M, N, N) amplitudes
}

// pick returns the frames at some indices; image is N * N.
func (f newFrames) pick(indices []int, image int) newFrames {
	if len(indices) == len(f.ids) {
		return f
	}
	var out newFrames
	for _, i := range indices {
		out.ids, out.x, out.y = append(out.ids, f.ids[i]), append(out.x, f.x[i]), append(out.y, f.y[i])
		out.patterns = append(out.patterns, f.patterns[i*image:(i+1)*image]...)
	}
	return out
}

// slice returns the frames [from, to).
func (f newFrames) slice(from, to, image int) newFrames {
	return newFrames{f.ids[from:to], f.x[from:to], f.y[from:to], f.patterns[from*image : to*image]}
}

// request is what the network takes of the frames.
func (f newFrames) request() predict.Request {
	offsets := make([]float32, 0, 2*len(f.ids))
	for i := range f.ids {
		offsets = fr.AppendOffset(offsets, f.x[i], f.y[i])
	}
	return predict.Request{Patterns: f.patterns, Offsets: offsets}
}

func (s *scan) image() int { return s.model.Contract.N * s.model.Contract.N }

// add stitches the frames that the scan does not have yet and counts the others. It waits for frames that another post
// has in the network, so after success the object contains every frame.
func (s *scan) add(ctx context.Context, frames newFrames) (stitched, repeated int, err error) {
	if !s.posts.enter() {
		return 0, 0, refuse(http.StatusConflict, "the scan is %s and accepts no more frames", s.status().State)
	}
	defer s.posts.leave()
	defer func() { s.countRepeated(repeated) }()
	for {
		mine, others, othersDone, err := s.claim(frames)
		if err != nil {
			return stitched, repeated, err
		}
		repeated += len(frames.ids) - len(mine) - len(others)
		n, err := s.compute(ctx, frames.pick(mine, s.image()))
		stitched += n
		if err != nil || len(others) == 0 {
			return stitched, repeated, err
		}
		select {
		case <-othersDone:
		case <-ctx.Done():
			return stitched, repeated, ctx.Err()
		}
		frames = frames.pick(others, s.image())
	}
}

func (s *scan) countRepeated(n int) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	s.repeated += n
	s.mu.Unlock()
	s.notify()
}

// notify wakes the streams of events.
func (s *scan) notify() {
	s.changed.notify()
	s.anyChanged.notify()
}

// claim returns the indices of new frames, which it marks as pending, and of those pending for other posts. The channel
// is closed when such a post is done. All remaining frames are in the object.
func (s *scan) claim(frames newFrames) (mine, others []int, othersDone <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return nil, nil, nil, errDeleted
	}
	own := make(chan struct{})
	for i, id := range frames.ids {
		if _, known := s.frames[id]; known {
			continue
		}
		done, busy := s.pending[id]
		switch {
		case !busy:
			s.pending[id] = own
			mine = append(mine, i)
		case done != own: // an id that is twice in one post counts once
			othersDone = done
			others = append(others, i)
		}
	}
	return mine, others, othersDone, nil
}

// release ends the claim of frames.
func (s *scan) release(ids []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.pending[ids[0]])
	for _, id := range ids {
		delete(s.pending, id)
	}
}

// compute runs the network on claimed frames, a few batches at a time, and stitches their patches.
func (s *scan) compute(ctx context.Context, frames newFrames) (stitched int, err error) {
	if len(frames.ids) == 0 {
		return 0, nil
	}
	defer s.release(frames.ids)
	settle, err := s.expose(ctx, frames)
	if err != nil {
		return 0, err
	}
	defer func() { settle(stitched > 0) }()
	step := s.model.queue.stride()
	for from := 0; from < len(frames.ids); from += step {
		part := frames.slice(from, min(from+step, len(frames.ids)), s.image())
		request := part.request()
		request.Probe = s.probe.forNetwork()
		out, err := s.model.queue.submit(ctx, request, false)
		if err != nil {
			return stitched, err
		}
		patches := make([]complex64, len(out.outputs[0]))
		predict.Complex(s.model.Contract, out.outputs[0], out.outputs[1], patches)
		n, err := s.stitch(part, patches, out.providers)
		if stitched += n; stitched > 0 {
			settle(true)
		}
		s.show(part.slice(0, n, s.image()))
		s.notify()
		if err != nil {
			return stitched, err
		}
	}
	return stitched, nil
}

// stitch stores frames on disk, if scans are stored, and adds their patches (M, N, N) to the canvas.
func (s *scan) stitch(frames newFrames, patches []complex64, providers []string) (stitched int, err error) {
	for i, id := range frames.ids {
		if !s.canvas.Usable(patches[i*s.image() : (i+1)*s.image()]) {
			return 0, refuse(http.StatusUnprocessableEntity,
				"frame %d: the network returns values that are no transmission; "+
					"the model expects amplitudes: are the patterns intensities?", id)
		}
	}
	var fault error
	err = s.store(frames, func() error {
		if stitched, fault = s.addToCanvas(frames, patches, providers); stitched > 0 {
			return nil // frames in the object stay stored
		}
		return fault
	})
	if fault != nil {
		err = fault
	}
	return stitched, err
}

// addToCanvas claims the memory for frames and stitches their patches.
func (s *scan) addToCanvas(frames newFrames, patches []complex64, providers []string) (stitched int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return 0, errDeleted
	}
	image, cost := s.image(), int64(frameBytes)
	if s.options.Refine > 0 {
		cost += int64(4 * image)
	}
	if err := s.claimMemory(cost * int64(len(frames.ids))); err != nil {
		return 0, err
	}
	defer func() { _ = s.claimMemory(-cost * int64(len(frames.ids)-stitched)) }()
	// The latest snapshot takes half as much memory as the canvas, or less.
	grow := func(will, now int64) error { return s.claimMemory((will - now) / 2 * 3) }
	if err := s.canvas.Cover(frames.x, frames.y, grow); err != nil {
		return 0, err
	}
	for _, name := range providers {
		s.providers[name] = true
	}
	for i, id := range frames.ids {
		if err := s.canvas.Add(int(id), frames.x[i], frames.y[i], patches[i*image:(i+1)*image]); err != nil {
			return stitched, refuse(http.StatusUnprocessableEntity, "%s", err)
		}
		placed := reconstruct.Placed{ID: id, X: frames.x[i], Y: frames.y[i]}
		s.patches.Add(placed, patches[i*image:(i+1)*image])
		s.patches.See(placed, frames.patterns[i*image:(i+1)*image])
		kept := frame{x: frames.x[i], y: frames.y[i]}
		if s.options.Refine > 0 {
			// a slice would keep the whole post alive
			kept.pattern = slices.Clone(frames.patterns[i*image : (i+1)*image])
		}
		s.frames[id] = kept
		s.version++
		stitched++
	}
	return stitched, nil
}

// claimMemory is called with the scan locked.
func (s *scan) claimMemory(bytes int64) error {
	if err := s.budget.claim(bytes); err != nil {
		return err
	}
	s.bytes += bytes
	return nil
}

// remove deletes everything that the scan holds in memory.
func (s *scan) remove() {
	s.cancel()
	s.mu.Lock()
	s.deleted = true
	_ = s.claimMemory(-s.bytes)
	_ = s.retire(s.budget.book)
	s.frames, s.canvas, s.pictures = map[int64]frame{}, nil, nil
	if s.state != refining { // else agree may still read them, and they are closed after it
		s.patches.Close()
	}
	s.mu.Unlock()
	s.notify()
}

// extent is the box of the object in the scan's pixel frame.
type extent struct {
	Row    int `json:"row"`
	Col    int `json:"col"`
	Height int `json:"height"`
	Width  int `json:"width"`
}

// status is the JSON of a scan.
type status struct {
	ID          string  `json:"id"`
	Name        string  `json:"name,omitempty"`
	Model       string  `json:"model"`
	State       state   `json:"state"`
	Frames      int     `json:"frames"`
	Repeated    int     `json:"repeated"`
	Version     int     `json:"version"` // of the object
	Extent      *extent `json:"extent,omitempty"`
	PixelSizeNM float64 `json:"pixel_size_nm,omitempty"`
	Refine      int     `json:"refine,omitempty"`
	Exposure    float64 `json:"exposure,omitempty"` // factor of the probe's power; 0: unknown
	Bytes       int64   `json:"bytes"`
	Error       string  `json:"error,omitempty"`
}

func (s *scan) status() status {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := status{
		ID: s.id, Name: s.options.Name, Model: s.model.Name, State: s.state, Frames: len(s.frames),
		Repeated: s.repeated,
		Version:  s.version, PixelSizeNM: s.options.PixelSizeNM, Refine: s.options.Refine, Bytes: s.bytes,
		Error: s.problem, Exposure: s.probe.factor(),
	}
	if len(s.frames) > 0 {
		e := &extent{}
		e.Row, e.Col = s.canvas.Origin()
		e.Height, e.Width = s.canvas.Size()
		t.Extent = e
	}
	return t
}

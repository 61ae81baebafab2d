package serve

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/service/scanstore"
	"ptyx/stitch"
)

// state is where a scan is.
type state string

const (
	returning state = "returning" // from the disk, where an earlier server kept it
	open      state = "open"      // takes frames
	refining  state = "refining"  // the solver is at work
	finished  state = "finished"
	failed    state = "failed" // the solver was; the network's object is there
)

// scanOptions are what a scan was created with.
type scanOptions struct {
	Model       string  `json:"model"`
	Name        string  `json:"name"`          // for people
	Input       string  `json:"input"`         // "amplitude" or "intensity"
	Positions   string  `json:"positions"`     // "pixels" or "metres"
	PixelSizeNM float64 `json:"pixel_size_nm"` // of the object; 0: not known
	Refine      int     `json:"refine"`        // passes of the solver at the end
}

// scan is frames that become an object. A frame counts once, by its id, and the sums of the canvas do not depend on the order, so that
// the object of given frames is always the same bytes: those that ptyx infer writes of the same scan.
type scan struct {
	id      string
	number  int // of creation
	options scanOptions
	model   *served
	stored  *scanstore.Scan // what is kept of it on disk; nil: nothing
	budget  *budget
	changed signal
	all     *signal // of the list of scans
	posts   gate    // frames that are being taken in
	ctx     context.Context
	cancel  context.CancelFunc
	drawing chan struct{} // a token: pictures are made one after the other

	mu        sync.Mutex
	canvas    *stitch.Canvas
	state     state
	frames    map[int64]frame
	pending   map[int64]chan struct{} // of frames in the network; closed when that is over
	providers map[string]bool         // what has computed
	repeated  int
	version   int // grows with each change of the object
	held      int64
	deleted   bool
	refined   *reconstruct.Result
	problem   string // why the solver failed, or what is missing after a return
	snapshot  *reconstruct.Result
	taken     int // version of the snapshot
	pictures  map[string]picture
}

// frame is what is kept of a frame.
type frame struct {
	x, y    float64   // object pixels
	pattern []float32 // (N, N) amplitudes, if the scan is to be refined
}

func (f frame) position() (x, y float64) { return f.x, f.y }

// frameBytes is what keeping a frame's id and position takes, in maps and the canvas's set, for the sparsest of ids.
const frameBytes = 1 << 10

// newFrames are frames of one post.
type newFrames struct {
	ids      []int64
	x, y     []float64 // object pixels
	patterns []float32 // (M, N, N) amplitudes
}

// only are the frames at some places.
func (f newFrames) only(places []int, image int) newFrames {
	if len(places) == len(f.ids) {
		return f
	}
	var out newFrames
	for _, i := range places {
		out.ids, out.x, out.y = append(out.ids, f.ids[i]), append(out.x, f.x[i]), append(out.y, f.y[i])
		out.patterns = append(out.patterns, f.patterns[i*image:(i+1)*image]...)
	}
	return out
}

// part are frames [from, to).
func (f newFrames) part(from, to, image int) newFrames {
	return newFrames{f.ids[from:to], f.x[from:to], f.y[from:to], f.patterns[from*image : to*image]}
}

// add takes frames in: those that the scan has not yet go through the network and onto the canvas. It returns how many were stitched and
// how many repeated. A frame that is on its way for another post is waited for, so that after success each frame is in the object.
func (s *scan) add(ctx context.Context, frames newFrames) (stitched, repeated int, err error) {
	if !s.posts.enter() {
		return 0, 0, refuse(http.StatusConflict, "the scan is %s and takes no more frames", s.status().State)
	}
	defer s.posts.leave()
	image := s.model.Contract.N * s.model.Contract.N
	for {
		mine, others, wait, err := s.claim(frames)
		if err != nil {
			return stitched, repeated, err
		}
		repeated += len(frames.ids) - len(mine) - len(others)
		n, err := s.stitch(ctx, frames.only(mine, image))
		stitched += n
		if err != nil || len(others) == 0 {
			s.note(repeated)
			return stitched, repeated, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			s.note(repeated)
			return stitched, repeated, ctx.Err()
		}
		frames = frames.only(others, image)
	}
}

// note counts repeated frames.
func (s *scan) note(repeated int) {
	if repeated == 0 {
		return
	}
	s.mu.Lock()
	s.repeated += repeated
	s.mu.Unlock()
	s.tell()
}

func (s *scan) tell() {
	s.changed.notify()
	s.all.notify()
}

// claim sorts frames: new ones, which are marked as pending, and those that are pending for others. The rest is known.
func (s *scan) claim(frames newFrames) (mine, others []int, wait <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return nil, nil, nil, errGone
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
		case done != own: // twice in one post is once
			wait = done
			others = append(others, i)
		}
	}
	return mine, others, wait, nil
}

var errGone = &failure{http.StatusNotFound, "the scan was deleted"}

// stitch runs the network on claimed frames, a few batches at a time, and puts the patches on the canvas. It returns how many are there.
func (s *scan) stitch(ctx context.Context, frames newFrames) (stitched int, err error) {
	if len(frames.ids) == 0 {
		return 0, nil
	}
	defer s.unclaim(frames.ids)
	image := s.model.Contract.N * s.model.Contract.N
	step := s.model.queue.stride()
	for from := 0; from < len(frames.ids); from += step {
		part := frames.part(from, min(from+step, len(frames.ids)), image)
		out, err := s.model.queue.submit(ctx, part.patterns)
		if err != nil {
			return stitched, err
		}
		values := make([]complex64, len(out.amplitude))
		predict.Polar(out.amplitude, out.phase, values)
		n, err := s.put(part, values, out.providers)
		stitched += n
		s.tell()
		if err != nil {
			return stitched, err
		}
	}
	return stitched, nil
}

// unclaim says that the frames are no longer on their way.
func (s *scan) unclaim(ids []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := s.pending[ids[0]]
	for _, id := range ids {
		delete(s.pending, id)
	}
	close(done)
}

// put puts patches on the canvas, when their frames have been kept.
func (s *scan) put(frames newFrames, patches []complex64, providers []string) (stitched int, err error) {
	for i, v := range patches { // before anything is done for their sake
		if re, im := real(v), imag(v); !(re*re+im*im <= stitch.MaxMagnitude*stitch.MaxMagnitude) {
			return 0, refuse(http.StatusUnprocessableEntity, "frame %d: the network gives %v, which is no transmission; are the patterns amplitudes, as the model wants them?",
				frames.ids[i*len(frames.ids)/len(patches)], v)
		}
	}
	var fault error
	err = s.keep(frames, func() error {
		if stitched, fault = s.lay(frames, patches, providers); stitched > 0 {
			return nil // what is in the object stays kept
		}
		return fault
	})
	if fault != nil {
		err = fault
	}
	return stitched, err
}

// lay puts patches on the canvas.
func (s *scan) lay(frames newFrames, patches []complex64, providers []string) (stitched int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return 0, errGone
	}
	cost := int64(frameBytes)
	if s.options.Refine > 0 {
		cost += int64(4 * len(frames.patterns) / len(frames.ids))
	}
	if err := s.claimMemory(cost * int64(len(frames.ids))); err != nil {
		return 0, err
	}
	defer func() { _ = s.claimMemory(-cost * int64(len(frames.ids)-stitched)) }()
	// The snapshot, which pictures are made of, takes half of what the canvas does.
	if err := s.canvas.Cover(frames.x, frames.y, func(will, now int64) error { return s.claimMemory((will - now) / 2 * 3) }); err != nil {
		return 0, err
	}
	for _, name := range providers {
		s.providers[name] = true
	}
	image := s.model.Contract.N * s.model.Contract.N
	for i, id := range frames.ids {
		if err := s.canvas.Add(int(id), frames.x[i], frames.y[i], patches[i*image:(i+1)*image]); err != nil {
			return stitched, refuse(http.StatusUnprocessableEntity, "%s", err)
		}
		kept := frame{x: frames.x[i], y: frames.y[i]}
		if s.options.Refine > 0 {
			kept.pattern = slices.Clone(frames.patterns[i*image : (i+1)*image]) // not the post's whole array
		}
		s.frames[id] = kept
		s.version++
		stitched++
	}
	return stitched, nil
}

// claimMemory is used with the scan locked.
func (s *scan) claimMemory(bytes int64) error {
	if err := s.budget.take(bytes); err != nil {
		return err
	}
	s.held += bytes
	return nil
}

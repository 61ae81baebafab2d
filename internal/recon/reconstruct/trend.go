package reconstruct

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/scratch"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/trend"
	"ptyx/stitch"
)

// apart is the side, in radii of the probe, of the squares of which each has at most one pattern for the trend. More
// patterns change the object by less than 0.001 (docs/dev/decisions.md).
const apart = 1.5

// Optics are what a trend needs to know of a scan, besides its patterns.
type Optics struct {
	Probe    *ndarray.Complex64 // (N, N), in the unit of the patterns
	Measured []bool             // (N*N), false where a pixel of the patterns does not count; nil: all do
}

// seen keeps patterns on disk, one for each square of the scan: of the frames there, that of the lowest id.
type seen struct {
	values   int     // of a pattern
	side     float64 // of a square, pixels
	patterns *scratch.Store
	of       map[[2]int]seenFrame
}

// seenFrame is a frame whose pattern is kept.
type seenFrame struct {
	Placed
	place int // in the store
}

func newSeen(c contract.Contract, dir string) seen {
	// The power of a probe may change when the exposure is known. Rounding makes the squares the same.
	side := max(1, math.Round(8*apart*trend.NewBeam(c.Probe).Radius)/8)
	return seen{
		values: c.N * c.N, side: side, patterns: scratch.New(dir, c.N*c.N, math.MaxInt64), of: map[[2]int]seenFrame{},
	}
}

// square is that of a frame.
func (s *seen) square(p Placed) [2]int {
	return [2]int{int(math.Floor(p.Y / s.side)), int(math.Floor(p.X / s.side))}
}

// wants reports whether the pattern of a frame is to be kept.
func (s *seen) wants(p Placed) bool {
	there, taken := s.of[s.square(p)]
	return !taken || p.ID < there.ID
}

func (s *seen) add(p Placed, pattern []float32) error {
	square := s.square(p)
	if there, taken := s.of[square]; taken {
		s.patterns.Free(there.place)
		delete(s.of, square)
	}
	place, err := s.patterns.Put(pattern)
	if err == nil {
		s.of[square] = seenFrame{p, place}
	}
	return err
}

// bytes is the size of the patterns on disk.
func (s *seen) bytes() int64 { return 4 * int64(len(s.of)) * int64(s.values) }

func (s *seen) close() { _ = s.patterns.Close() } // its file has no name, so nothing of it is left

// See keeps the pattern (N, N) of a frame for the trend, if no frame of a lower id has its place there. If the disk is
// full, Agree returns the error. Without a file, it does nothing.
func (f *PatchFile) See(p Placed, pattern []float32) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault != nil || !f.seen.wants(p) {
		return
	}
	if err := f.seen.add(p, pattern); err != nil {
		f.fail(err)
	}
}

// trend is the trend of an object that consists of all patches. It is nil if there are not two patterns that tell it,
// or if the object with it explains patterns no better.
func (f *PatchFile) trend(ctx context.Context, canvas *stitch.Canvas, o Optics) (*trend.Map, error) {
	frames, beam := f.told(), trend.NewBeam(o.Probe)
	if len(frames) < 2 || !(beam.Radius > 0) {
		return nil, nil
	}
	workers := make([]*comparing, min(runtime.GOMAXPROCS(0), len(frames)))
	for i := range workers {
		workers[i] = &comparing{
			Fitter: trend.NewFitter(beam, o.Probe, o.Measured), file: f, canvas: canvas,
			pattern: make([]float32, f.n*f.n), object: make([]complex64, f.n*f.n), covered: make([]float32, f.n*f.n),
		}
	}
	locals, err := findLocals(ctx, workers, frames)
	if err != nil || len(locals) < 2 {
		return nil, err
	}
	factor, err := trend.NewMap(ctx, beam, canvas.Box(), locals)
	if err != nil {
		return nil, err
	}
	if helps, err := workers[0].helps(factor, frames); err != nil || !helps {
		return nil, err
	}
	return factor, nil
}

// comparing compares patterns with an object. It holds work space.
type comparing struct {
	*trend.Fitter
	file    *PatchFile
	canvas  *stitch.Canvas
	pattern []float32   // (N, N), of the frame that was read last
	object  []complex64 // (N, N), there
	covered []float32   // (N, N), there
}

// read reads the pattern of a frame and the object there.
func (c *comparing) read(p seenFrame) error {
	row, col := frame.Corner(p.X, p.Y, c.file.n)
	c.canvas.Look(row, col, c.file.n, c.file.n, 1, c.object, c.covered)
	return c.file.seen.patterns.Read(p.place, c.pattern)
}

// findLocals finds the Locals of frames, in their order, without those of which a pattern tells nothing.
func findLocals(ctx context.Context, workers []*comparing, frames []seenFrame) (found []trend.Local, err error) {
	locals := make([]*trend.Local, len(frames))
	g, ctx := errgroup.WithContext(ctx)
	for i, c := range workers {
		g.Go(func() error {
			for at := i; at < len(frames) && ctx.Err() == nil; at += len(workers) {
				p := frames[at]
				if err := c.read(p); err != nil {
					return err
				}
				if local, ok := c.Fit(p.X, p.Y, c.object, c.pattern); ok {
					locals[at] = &local
				}
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, l := range locals {
		if l != nil {
			found = append(found, *l)
		}
	}
	return found, nil
}

// mostCompared is how many patterns, evenly along the scan, decide whether a trend helps.
const mostCompared = 32

// helps reports whether the object explains patterns better with a factor than without it.
func (c *comparing) helps(factor *trend.Map, frames []seenFrame) (bool, error) {
	before, after, count := 0.0, 0.0, min(len(frames), mostCompared)
	for i := range count {
		p := frames[i*len(frames)/count]
		if err := c.read(p); err != nil {
			return false, err
		}
		before += c.Misfit(p.X, p.Y, c.object, c.pattern)
		multiply(c.object, factor, p.X, p.Y, c.file.n)
		after += c.Misfit(p.X, p.Y, c.object, c.pattern)
	}
	return after < before, nil
}

// told are the frames whose pattern and patch are kept, by their ids.
func (f *PatchFile) told() []seenFrame {
	kept := map[int64]seenFrame{}
	for _, p := range f.seen.of {
		kept[p.ID] = p
	}
	var frames []seenFrame
	for _, p := range f.placed {
		if s, ok := kept[p.ID]; ok {
			frames = append(frames, s)
		}
	}
	slices.SortFunc(frames, func(a, b seenFrame) int { return cmp.Compare(a.ID, b.ID) })
	return frames
}

// multiply multiplies a patch (N, N) at a position with the factor of the object.
func multiply(patch []complex64, factor *trend.Map, x, y float64, n int) {
	row, col := frame.Corner(x, y, n)
	for i := range patch {
		patch[i] *= complex64(factor.At(row+i/n, col+i%n))
	}
}

func (r *Reconstruction) placed(id int) Placed { return Placed{int64(id), r.scan.X[id], r.scan.Y[id]} }

// seeRest reads the patterns for the trend of batches that an earlier process has read and computed.
func (r *Reconstruction) seeRest() error {
	if r.patchFile.fault != nil {
		return nil
	}
	var wanted []int
	for _, group := range r.groups {
		wanted = append(wanted, group[0])
	}
	slices.Sort(wanted)
	wanted = slices.DeleteFunc(wanted, func(id int) bool { return !r.patchFile.seen.wants(r.placed(id)) })
	if len(wanted) == 0 {
		return nil
	}
	frames, err := r.scan.Frames()
	if err != nil {
		return err
	}
	defer frames.Close()
	forward, pattern := &forward{frames: frames}, make([]float32, r.N*r.N)
	for _, id := range wanted {
		if err := forward.read(id, pattern); err != nil {
			return err
		}
		r.patchFile.See(r.placed(id), pattern)
	}
	return nil
}

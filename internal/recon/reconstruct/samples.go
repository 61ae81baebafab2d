package reconstruct

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"ptyx/internal/base/scratch"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/trend"
)

// spacing is the side, in radii of the probe, of the squares of which each has at most one pattern for the trend. More
// patterns change the correlation by less than 0.001 (docs/dev/decisions.md).
const spacing = 1.5

// samples keeps patterns on disk, one for each square of the scan: of the frames there, that of the lowest id.
type samples struct {
	values   int     // of a pattern
	side     float64 // of a square, pixels; 0: no pattern is kept
	dir      string
	patterns *scratch.Store
	frames   map[[2]int]sample // by their square
	fault    error             // why patterns could not be kept; none are kept after it
}

// sample is a frame whose pattern is kept.
type sample struct {
	Placed
	place int // in the store
}

func newSamples(c contract.Contract, dir string) samples {
	s := samples{values: c.N * c.N, dir: dir, frames: map[[2]int]sample{}}
	s.patterns = scratch.New(dir, s.values, math.MaxInt64)
	if radius := trend.NewBeam(c.Probe).Radius; radius > 0 {
		// The power of a probe may change when the exposure is known, and with it the last bits of the radius.
		s.side = max(1, math.Round(8*spacing*radius)/8)
	}
	return s
}

func (s *samples) square(p Placed) [2]int {
	return [2]int{int(math.Floor(p.Y / s.side)), int(math.Floor(p.X / s.side))}
}

// needs reports whether the pattern of a frame is to be kept.
func (s *samples) needs(p Placed) bool {
	if s.fault != nil || s.side == 0 {
		return false
	}
	there, taken := s.frames[s.square(p)]
	return !taken || p.ID < there.ID
}

// add keeps a pattern, in place of another one of its square.
func (s *samples) add(p Placed, pattern []float32) {
	square := s.square(p)
	if there, taken := s.frames[square]; taken {
		s.patterns.Free(there.place)
		delete(s.frames, square)
	}
	place, err := s.patterns.Put(pattern)
	if err != nil {
		s.fail(err)
		return
	}
	s.frames[square] = sample{p, place}
}

// remove removes a frame, if its pattern is kept.
func (s *samples) remove(p Placed) {
	if s.side == 0 {
		return
	}
	if there, taken := s.frames[s.square(p)]; taken && there.ID == p.ID {
		s.patterns.Free(there.place)
		delete(s.frames, s.square(p))
	}
}

// fail notes why patterns could not be kept, and gives their disk space back.
func (s *samples) fail(err error) {
	s.fault = keepingError("patterns", s.dir, err)
	s.close()
}

// bytes is the size of the patterns on disk.
func (s *samples) bytes() int64 { return 4 * int64(len(s.frames)) * int64(s.values) }

func (s *samples) close() {
	s.frames = map[[2]int]sample{}
	_ = s.patterns.Close() // its file has no name, so nothing of it is left
}

// See keeps the pattern (N, N) of a frame, which shows the trend of the object, if no frame of a lower id has its place
// there. If the disk or the file is full, Agree reports it. Without a file, it does nothing.
func (f *PatchFile) See(p Placed, pattern []float32) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault != nil || !f.samples.needs(p) {
		return
	}
	if f.samples.add(p, pattern); f.most > 0 && f.bytes() > f.most {
		f.samples.fail(fmt.Errorf("the %.3g GB for them and for patches are full", float64(f.most)/1e9))
	}
}

// sampled are the frames whose pattern and patch are kept, by their ids.
func (f *PatchFile) sampled() []sample {
	kept := map[int64]sample{}
	for _, s := range f.samples.frames {
		kept[s.ID] = s
	}
	var frames []sample
	for _, p := range f.placed {
		if s, ok := kept[p.ID]; ok {
			frames = append(frames, s)
		}
	}
	slices.SortFunc(frames, func(a, b sample) int { return cmp.Compare(a.ID, b.ID) })
	return frames
}

func (r *Reconstruction) placed(id int) Placed { return Placed{int64(id), r.scan.X[id], r.scan.Y[id]} }

// replaceSkipped replaces the patterns of skipped patches by those of other frames of their squares. It reads them from
// the scan, because nobody knew when they were read that they would be needed.
func (r *Reconstruction) replaceSkipped(ctx context.Context) {
	s := &r.patchFile.samples
	for id := range r.skipped {
		s.remove(r.placed(id))
	}
	if err := r.readSamples(ctx, r.missing()); err != nil && ctx.Err() == nil {
		s.fail(fmt.Errorf("reading the scan again: %w", err))
	}
}

// missing are the frames, ascending, whose pattern is to be kept but is not: the lowest of each square.
func (r *Reconstruction) missing() (ids []int) {
	s, found := &r.patchFile.samples, map[[2]int]bool{}
	if r.patchFile.fault != nil {
		return nil
	}
	for _, group := range r.groups {
		if p := r.placed(group[0]); r.skipped[group[0]] == nil && s.needs(p) {
			ids = append(ids, group[0])
		}
	}
	slices.Sort(ids)
	lowest := ids[:0]
	for _, id := range ids {
		if square := s.square(r.placed(id)); !found[square] {
			found[square], lowest = true, append(lowest, id)
		}
	}
	return lowest
}

// readSamples reads patterns of the scan, in ascending order, and keeps them.
func (r *Reconstruction) readSamples(ctx context.Context, ids []int) error {
	if len(ids) == 0 {
		return nil
	}
	frames, err := r.scan.Frames()
	if err != nil {
		return err
	}
	defer frames.Close()
	forward, pattern := &forward{frames: frames}, make([]float32, r.N*r.N)
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := forward.read(id, pattern); err != nil {
			return err
		}
		r.patchFile.See(r.placed(id), pattern)
	}
	return nil
}

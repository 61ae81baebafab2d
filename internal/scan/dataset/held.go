package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
)

// Held are the amplitudes of a scan, for reading in any order. In memory, amplitudes that are roots of whole counts up
// to 65535, as most detectors give them, take 2 bytes a pixel. Held reads patterns that exceed the memory allowed from
// disk, as Access does.
type Held struct {
	m, n  int
	all   []Packed  // (M); nil on disk
	roots []float32 // (65536), of counts
	bytes int64     // of all

	mu    sync.Mutex
	disk  *Access // nil: memory holds the patterns
	close func()  // ends the use by the scan; nil: there is none
}

// Packed is a pattern as counts and the few amplitudes that are no roots of counts, as those of masked pixels; or plain
// amplitudes.
type Packed struct {
	Counts []uint16  // (N*N); nil with Plain
	Odd    []Oddity  // in the order of the pixels
	Plain  []float32 // (N*N), amplitudes; nil: Counts has them
}

// Oddity is an amplitude that is no root of a count.
type Oddity struct {
	Pixel int32
	Value float32
}

// rootsOfCounts is the number of counts whose roots are packed.
const rootsOfCounts = 1 << 16

func root(count int) float32 { return float32(math.Sqrt(float64(count))) }

// Pack finds the shorter form of a pattern that gives back the very same amplitudes.
func Pack(pattern []float32) Packed {
	p := Packed{Counts: make([]uint16, len(pattern))}
	for i, v := range pattern {
		count := math.Round(float64(v) * float64(v))
		if count < rootsOfCounts && math.Float32bits(root(int(count))) == math.Float32bits(v) {
			p.Counts[i] = uint16(count)
			continue
		}
		if p.Odd = append(p.Odd, Oddity{int32(i), v}); oddityBytes*len(p.Odd) > 2*len(pattern) {
			return Packed{Plain: slices.Clone(pattern)}
		}
	}
	p.Odd = slices.Clip(p.Odd)
	return p
}

const oddityBytes = 8

// check refuses a pattern that another program may have sent and that has no n x n pixels.
func (p Packed) check(n int) error {
	size := len(p.Counts)
	if p.Plain != nil {
		size = len(p.Plain)
	}
	if size != n*n || p.Plain != nil && (p.Counts != nil || p.Odd != nil) {
		return fmt.Errorf("a packed pattern of %d pixels, expected %d x %d", size, n, n)
	}
	for _, o := range p.Odd {
		if o.Pixel < 0 || int(o.Pixel) >= size {
			return fmt.Errorf("a packed pattern with pixel %d of %d", o.Pixel, size)
		}
	}
	return nil
}

// Hold reads all amplitudes. If they take more than limit bytes of memory, they stay on disk; 0 is no limit. scratch is
// a directory with room for them, for files that are compressed. Until Close, EachAmplitude, EachSelected,
// ReadSelected and LoadSelected read the patterns held: unpacking the file again would take ten times as long.
func (s *Scan) Hold(limit int64, scratch string) (*Held, error) {
	h := newHeld(s.N)
	h.m = s.M
	fits, err := h.fill(s, limit)
	if err == nil && !fits {
		err = h.leave(s, limit, scratch)
	}
	if err == nil {
		s.use(h)
		h.close = func() { s.use(nil) }
	}
	return h, err
}

// leave leaves the patterns on disk.
func (h *Held) leave(s *Scan, limit int64, scratch string) (err error) {
	ids := make([]int, s.M)
	for i := range ids {
		ids[i] = i
	}
	s.log.Info("patterns are read from disk as they are needed", "MB", int64(4*s.M)*int64(s.N*s.N)/1e6,
		"memory_limit", limit/1e6)
	h.disk, err = s.Access(ids, scratch)
	return err
}

// use makes the scan read held patterns; nil: its file.
func (s *Scan) use(h *Held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = h
}

// holding is what Hold returned, or nil.
func (s *Scan) holding() *Held {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// HoldPacked holds patterns of n x n pixels that Pack has packed.
func HoldPacked(n int, all []Packed) (*Held, error) {
	h := newHeld(n)
	h.m, h.all = len(all), all
	for _, p := range all {
		if err := p.check(n); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func newHeld(n int) *Held {
	h := &Held{n: n, roots: make([]float32, rootsOfCounts)}
	for count := range h.roots {
		h.roots[count] = root(count)
	}
	return h
}

// fill packs all patterns, and reports whether they fit into the memory allowed. Even if they do not, it reads them
// all, so that a fault in the last pattern is found before the first pass.
func (h *Held) fill(s *Scan, limit int64) (fits bool, err error) {
	frames, err := s.Frames()
	if err != nil {
		return false, err
	}
	defer frames.Close()
	pattern := make([]float32, h.n*h.n)
	for fits = true; ; {
		if _, err := frames.Next(pattern); errors.Is(err, io.EOF) {
			return fits, nil
		} else if err != nil {
			return false, err
		}
		if !fits {
			continue
		}
		h.add(pattern)
		if limit > 0 && h.bytes > limit {
			fits, h.all = false, nil
		}
	}
}

// add packs the next pattern.
func (h *Held) add(pattern []float32) {
	p := Pack(pattern)
	h.bytes += int64(2*len(p.Counts) + oddityBytes*len(p.Odd) + 4*len(p.Plain))
	h.all = append(h.all, p)
}

// Count is the number of patterns, M.
func (h *Held) Count() int { return h.m }

// Side is the number of pixels of a pattern along an axis, N.
func (h *Held) Side() int { return h.n }

// OnDisk reports whether the patterns are read from disk.
func (h *Held) OnDisk() bool { return h.disk != nil }

// Read copies the amplitudes of pattern id, (N, N). Several goroutines may call it at once.
func (h *Held) Read(id int, pattern []float32) error {
	if h.disk != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.disk.Read(id, pattern)
	}
	p := h.all[id]
	copy(pattern, p.Plain)
	for i, count := range p.Counts {
		pattern[i] = h.roots[count]
	}
	for _, o := range p.Odd {
		pattern[o.Pixel] = o.Value
	}
	return nil
}

// each calls do with each pattern.
func (h *Held) each(do func(pattern []float32) error) error {
	pattern := make([]float32, h.n*h.n)
	for id := range h.m {
		if err := h.Read(id, pattern); err != nil {
			return err
		}
		if err := do(pattern); err != nil {
			return err
		}
	}
	return nil
}

// Close frees the scratch file, if there is one. The scan then reads its own file again.
func (h *Held) Close() error {
	if h.close != nil {
		h.close()
	}
	if h.disk == nil {
		return nil
	}
	return h.disk.Close()
}

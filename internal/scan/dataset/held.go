package dataset

import (
	"errors"
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
	all   []packed  // (M); nil on disk
	roots []float32 // (65536), of counts
	bytes int64     // of all

	mu   sync.Mutex
	disk *Access // nil: memory holds the patterns
}

// packed is a pattern as counts and the few amplitudes that are no roots of counts, as those of masked pixels; or plain.
type packed struct {
	counts []uint16  // (N*N); nil with plain
	odd    []oddity  // in the order of the pixels
	plain  []float32 // (N*N), amplitudes; nil: counts has them
}

// oddity is an amplitude that is no root of a count.
type oddity struct {
	pixel int32
	value float32
}

// Hold reads all amplitudes. If they take more than limit bytes of memory, they stay on disk; 0 is no limit. scratch is
// a directory with room for them, for files that are compressed.
func (s *Scan) Hold(limit int64, scratch string) (*Held, error) {
	h := &Held{m: s.M, n: s.N, roots: make([]float32, 1<<16)}
	for count := range h.roots {
		h.roots[count] = float32(math.Sqrt(float64(count)))
	}
	fits, err := h.fill(s, limit)
	if err != nil || fits {
		return h, err
	}
	ids := make([]int, s.M)
	for i := range ids {
		ids[i] = i
	}
	s.log.Info("patterns are read from disk as they are needed", "MB", int64(4*s.M)*int64(s.N*s.N)/1e6,
		"memory_limit", limit/1e6)
	h.disk, err = s.Access(ids, scratch)
	return h, err
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
	p := h.pack(pattern)
	h.bytes += int64(2*len(p.counts) + oddityBytes*len(p.odd) + 4*len(p.plain))
	h.all = append(h.all, p)
}

const oddityBytes = 8

// pack finds the shorter form of a pattern that gives back the very same amplitudes.
func (h *Held) pack(pattern []float32) packed {
	p := packed{counts: make([]uint16, len(pattern))}
	for i, v := range pattern {
		count := math.Round(float64(v) * float64(v))
		if count < float64(len(h.roots)) && math.Float32bits(h.roots[int(count)]) == math.Float32bits(v) {
			p.counts[i] = uint16(count)
			continue
		}
		if p.odd = append(p.odd, oddity{int32(i), v}); oddityBytes*len(p.odd) > 2*len(pattern) {
			return packed{plain: slices.Clone(pattern)}
		}
	}
	p.odd = slices.Clip(p.odd)
	return p
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
	copy(pattern, p.plain)
	for i, count := range p.counts {
		pattern[i] = h.roots[count]
	}
	for _, o := range p.odd {
		pattern[o.pixel] = o.value
	}
	return nil
}

// Close frees the scratch file, if there is one.
func (h *Held) Close() error {
	if h.disk == nil {
		return nil
	}
	return h.disk.Close()
}

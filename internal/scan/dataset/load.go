package dataset

import (
	"fmt"
	"slices"

	"ptyx/internal/base/ndarray"
)

// chunkFrames is how many frames are read at a time, to stay in the processor's cache.
const chunkFrames = 8

// Load reads all amplitudes, (M, N, N).
func (s *Scan) Load() (*ndarray.Float32, error) {
	frames, err := s.Frames()
	if err != nil {
		return nil, err
	}
	defer frames.Close()
	all := ndarray.New[float32](s.M, s.N, s.N)
	for left := all.Data; len(left) > 0; {
		n, err := frames.Next(left[:min(len(left), chunkFrames*s.N*s.N)])
		if err != nil {
			return nil, err
		}
		left = left[n*s.N*s.N:]
	}
	return all, nil
}

// LoadSelected reads the amplitudes of the patterns ids, in that order, (len(ids), N, N).
func (s *Scan) LoadSelected(ids []int) (*ndarray.Float32, error) {
	image := s.N * s.N
	selected := ndarray.New[float32](len(ids), s.N, s.N)
	into := make([][]float32, len(ids))
	for slot := range into {
		into[slot] = selected.Data[slot*image : (slot+1)*image]
	}
	return selected, s.ReadSelected(ids, into)
}

// ReadSelected reads the amplitudes of pattern ids[i] into[i], which holds N*N values, in the memory of one frame.
func (s *Scan) ReadSelected(ids []int, into [][]float32) error {
	at := slotsOf(ids)
	return s.EachSelected(ids, func(id int, pattern []float32) error {
		at.fill(into, id, pattern)
		return nil
	})
}

// EachSelected calls do with the amplitudes (N, N) of the patterns ids, each once and in the order of the file; do must
// not keep them. Other patterns are not read, unless the file is a compressed NPZ.
func (s *Scan) EachSelected(ids []int, do func(id int, pattern []float32) error) error {
	if h := s.holding(); h != nil {
		return s.visit(ids, s.N*s.N, h.Read, do)
	}
	raw, err := s.file.Direct(s.patterns.key, s.patterns.axes...)
	if err != nil {
		return err
	}
	if raw != nil {
		return s.visit(ids, s.N*s.N, s.direct(raw), do)
	}
	frames, err := s.Frames()
	if err != nil {
		return err
	}
	defer frames.Close()
	return s.visit(ids, s.N*s.N, func(id int, pattern []float32) error {
		if err := frames.skipTo(id); err != nil {
			return err
		}
		_, err := frames.Next(pattern)
		return err
	}, do)
}

// ReadTruth reads the true patch of pattern ids[i] into[i], which holds N*N pairs of real and imaginary part. It stops
// after the last patch that is asked for.
func (s *Scan) ReadTruth(ids []int, into [][]float32) error {
	patches, err := s.truthPatches()
	if err != nil {
		return err
	}
	defer patches.Close()
	at, next := slotsOf(ids), 0
	return s.visit(ids, 2*s.N*s.N, func(id int, patch []float32) error {
		for ; next <= id; next++ {
			if _, err := patches.Next(patch); err != nil {
				return err
			}
		}
		return nil
	}, func(id int, patch []float32) error {
		at.fill(into, id, patch)
		return nil
	})
}

// visit reads images of a size, each of ids once, in ascending order, and calls do with each.
func (s *Scan) visit(ids []int, size int, read, do func(id int, image []float32) error) error {
	image := make([]float32, size)
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if id < 0 || id >= s.M {
			return fmt.Errorf("pattern %d asked of a scan of %d", id, s.M)
		}
		if err := read(id, image); err != nil {
			return err
		}
		if err := do(id, image); err != nil {
			return err
		}
	}
	return nil
}

// slots are the places of each pattern in a list of patterns.
type slots map[int][]int

func slotsOf(ids []int) slots {
	p := make(slots, len(ids))
	for slot, id := range ids {
		p[id] = append(p[id], slot)
	}
	return p
}

// fill copies an image to all places of its pattern.
func (p slots) fill(into [][]float32, id int, image []float32) {
	for _, slot := range p[id] {
		copy(into[slot], image)
	}
}

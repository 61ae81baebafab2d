package dataset

import (
	"fmt"

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

// ReadSelected reads the amplitudes of pattern ids[i] into[i], which holds N*N values. It stops after the last pattern
// that is asked for, and needs memory for one frame.
func (s *Scan) ReadSelected(ids []int, into [][]float32) error {
	frames, err := s.Frames()
	if err != nil {
		return err
	}
	defer frames.Close()
	return s.pick(frames.Next, s.N*s.N, ids, into)
}

// ReadTruth reads the true patch of pattern ids[i] into[i], which holds N*N pairs of real and imaginary part. It stops
// after the last patch that is asked for.
func (s *Scan) ReadTruth(ids []int, into [][]float32) error {
	patches, err := s.truthPatches()
	if err != nil {
		return err
	}
	defer patches.Close()
	return s.pick(patches.Next, 2*s.N*s.N, ids, into)
}

// pick reads images of a size one after the other, up to the last one in ids, and copies number ids[i] into[i].
func (s *Scan) pick(next func([]float32) (int, error), size int, ids []int, into [][]float32) error {
	slots := make(map[int][]int, len(ids))
	last := -1
	for slot, id := range ids {
		if id < 0 || id >= s.M {
			return fmt.Errorf("pattern %d asked of a scan of %d", id, s.M)
		}
		slots[id] = append(slots[id], slot)
		last = max(last, id)
	}
	image := make([]float32, size)
	for id := 0; id <= last; id++ {
		if _, err := next(image); err != nil {
			return err
		}
		for _, slot := range slots[id] {
			copy(into[slot], image)
		}
	}
	return nil
}

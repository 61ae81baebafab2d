package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/source"
)

// Frames is a stream of the scan's patterns, in the file's order, as amplitudes. Its memory does not grow with M,
// except for files in Fortran order or the legacy layout, whose patterns do not lie one after the other.
type Frames struct {
	scan   *Scan
	source source.Stream
	at     int  // number of the next frame
	part   bool // frames were passed over: no statistics come of it
	spoilt bool // the last one
	tally  *tally
}

// Frames begins a pass over the patterns. Several passes may run at once.
func (s *Scan) Frames() (*Frames, error) {
	stream, err := s.stream()
	if err != nil {
		return nil, err
	}
	return &Frames{scan: s, source: stream, tally: newTally(s)}, nil
}

// FramesFrom begins a pass at a frame. Those before it are passed over: in HDF5 at no cost, else they are read and dropped.
func (s *Scan) FramesFrom(first int) (*Frames, error) {
	if first < 0 || first > s.M {
		return nil, fmt.Errorf("pattern %d asked of a scan of %d", first, s.M)
	}
	stream, err := s.stream()
	if err != nil {
		return nil, err
	}
	f := &Frames{scan: s, source: stream, at: first, part: first > 0, tally: newTally(s)}
	if err := skip(stream, first, s.patterns.window); err != nil {
		return nil, errors.Join(err, stream.Close())
	}
	return f, nil
}

// skip passes over the next count patterns.
func skip(stream source.Stream, count int, w *window) error {
	size := w.size * w.size
	if seen, ok := stream.(*windowed); ok {
		stream, size = seen.raw, w.pixels()
	}
	if s, ok := stream.(source.Skipper); ok {
		s.Skip(count)
		return nil
	}
	dropped := make([]float32, size)
	for range count {
		if _, err := stream.Next(dropped); err != nil {
			return err
		}
	}
	return nil
}

// Spoilt tells whether the last error of Next was about the values of a frame, the only one in dst: the next call goes on behind it.
func (f *Frames) Spoilt() bool { return f.spoilt }

// Next fills dst, which holds one (N, N) frame at least, with as many frames as fit and returns their number; 0 and
// io.EOF at the end. A pixel that is no finite, non-negative number is a *badinput.Error with frame and pixel.
func (f *Frames) Next(dst []float32) (int, error) {
	f.spoilt = false
	image := f.scan.N * f.scan.N
	for f.at == f.scan.M { // to the end of what is there, where checksums are compared
		if _, err := f.source.Next(dst); err != nil {
			return 0, err
		}
	}
	n, err := f.source.Next(dst[:min(len(dst), (f.scan.M-f.at)*image)])
	if err != nil {
		return 0, err
	}
	for i := range n {
		frame := dst[i*image : (i+1)*image]
		if err := f.scan.toAmplitudes(frame, f.at+i); err != nil {
			f.at, f.part, f.spoilt = f.at+n, true, n == 1
			return 0, err
		}
		f.tally.add(frame)
	}
	f.scan.doubt(dst[:n*image])
	f.at += n
	if f.at == f.scan.M && !f.part {
		f.scan.remember(f.tally)
	}
	return n, nil
}

// Close ends the pass.
func (f *Frames) Close() error { return f.source.Close() }

// toAmplitudes checks a frame and takes the square root of counts.
func (s *Scan) toAmplitudes(frame []float32, number int) error {
	if err := s.measured(frame, number); err != nil {
		return err
	}
	if s.Input == Intensity {
		for i, v := range frame {
			frame[i] = float32(math.Sqrt(float64(v)))
		}
	}
	return nil
}

// mostCounts is more than any pixel counts. What lies above marks a gap or an overflow, and would be all that the mean brightness,
// by which patterns are scaled, is made of.
const mostCounts = 1e18

// measured refuses a frame with values that no detector gives.
func (s *Scan) measured(frame []float32, number int) error {
	most := float32(mostCounts)
	if s.Input != Intensity {
		most = float32(math.Sqrt(mostCounts))
	}
	for i, v := range frame {
		if !(v >= 0 && v <= most) { // in accept form: NaN fails
			return s.fault(s.patterns.key,
				fmt.Sprintf("%v in frame %d at pixel (row %d, column %d)", v, number, i/s.N, i%s.N),
				fmt.Sprintf("finite amplitudes or counts, 0 to %g", most), "mask the pixel or drop the frame")
		}
	}
	return nil
}

// Load reads all amplitudes, (M, N, N).
func (s *Scan) Load() (*ndarray.Float32, error) {
	frames, err := s.Frames()
	if err != nil {
		return nil, err
	}
	defer frames.Close()
	all := ndarray.New[float32](s.M, s.N, s.N)
	for rest := all.Data; len(rest) > 0; {
		// A few frames at a time, while they are in the processor's cache.
		n, err := frames.Next(rest[:min(len(rest), chunkFrames*s.N*s.N)])
		if err != nil {
			return nil, err
		}
		rest = rest[n*s.N*s.N:]
	}
	return all, nil
}

// chunkFrames is how many frames are handled at a time in a pass.
const chunkFrames = 8

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

// ReadSelected reads the amplitudes of pattern ids[i] into[i], which holds N*N values. Reading ends after the last pattern
// wanted; its own memory is that of one frame.
func (s *Scan) ReadSelected(ids []int, into [][]float32) error {
	frames, err := s.Frames()
	if err != nil {
		return err
	}
	defer frames.Close()
	return s.pick(frames.Next, s.N*s.N, ids, into)
}

// pick reads images of some size, one after the other, as far as one is wanted, and copies number ids[i] into[i].
func (s *Scan) pick(next func([]float32) (int, error), size int, ids []int, into [][]float32) error {
	slots := make(map[int][]int, len(ids)) // where an image goes
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

// MeanPower is the mean over patterns of the sum of squared amplitudes: the photons of a mean pattern. It needs a pass
// over the patterns, unless one has been made. A scan without any light is a *badinput.Error.
func (s *Scan) MeanPower() (float64, error) {
	t, err := s.statistics()
	if err != nil {
		return 0, err
	}
	power := t.power / float64(s.M)
	if !(power > 0) {
		return 0, s.fault(s.patterns.key, "patterns that are zero everywhere", "some light", "")
	}
	return power, nil
}

// ContentDigest is the SHA-256, in hex, of what was read: number and size of the patterns, amplitudes, coordinates,
// probe. The type, order and compression they were stored with do not matter. It needs a pass, as MeanPower does.
func (s *Scan) ContentDigest() (string, error) {
	t, err := s.statistics()
	if err != nil {
		return "", err
	}
	return t.digest, nil
}

// statistics are those of the last complete pass, or of one made now.
func (s *Scan) statistics() (*tally, error) {
	if t := s.remembered(); t != nil {
		return t, nil
	}
	frames, err := s.Frames()
	if err != nil {
		return nil, err
	}
	defer frames.Close()
	buf := make([]float32, chunkFrames*s.N*s.N)
	for {
		if _, err := frames.Next(buf); errors.Is(err, io.EOF) {
			return s.remembered(), nil
		} else if err != nil {
			return nil, err
		}
	}
}

func (s *Scan) remembered() *tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.totals
}

// remember keeps the statistics of a complete pass.
func (s *Scan) remember(t *tally) {
	t.finish(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.totals == nil && t.dark > 0 && t.dark < s.M {
		s.log.Warn("patterns without any light say nothing about the object: drop them", "file", s.Path, "key", s.patterns.key, "dark", t.dark, "patterns", s.M)
	}
	s.totals = t
}

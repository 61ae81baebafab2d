package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"

	"ptyx/internal/scan/source"
)

// Frames is a stream of the scan's patterns (N, N) as amplitudes, in the file's order. Its memory does not grow with M,
// except for files in Fortran order or the legacy layout, whose patterns are not stored one after the other.
type Frames struct {
	scan    *Scan
	source  source.Stream
	next    int  // number of the next frame
	partial bool // frames were skipped: there will be no statistics
	spoilt  bool // the last one
	tally   *tally
}

// Frames starts a pass over the patterns. Several passes may run at once.
func (s *Scan) Frames() (*Frames, error) { return s.FramesFrom(0) }

// FramesFrom starts a pass at a frame. Skipping those before it costs nothing in HDF5; in NPZ they are read and
// dropped.
func (s *Scan) FramesFrom(first int) (*Frames, error) {
	if first < 0 || first > s.M {
		return nil, fmt.Errorf("pattern %d asked of a scan of %d", first, s.M)
	}
	stream, err := s.Raw()
	if err != nil {
		return nil, err
	}
	if err := skip(stream, first, s.patterns.window); err != nil {
		return nil, errors.Join(err, stream.Close())
	}
	return &Frames{scan: s, source: stream, next: first, partial: first > 0, tally: newTally(s)}, nil
}

// skip skips count patterns.
func skip(stream source.Stream, count int, w *window) error {
	if count == 0 {
		return nil
	}
	size := w.size * w.size
	if view, ok := stream.(*windowed); ok {
		stream, size = view.raw, w.pixels()
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

// skipTo skips the frames before frame id, which is not behind the next one.
func (f *Frames) skipTo(id int) error {
	if id == f.next {
		return nil
	}
	count := id - f.next
	f.next, f.partial = id, true
	return skip(f.source, count, f.scan.patterns.window)
}

// Spoilt reports whether the last error of Next was about the values of a frame, the only one in dst. The next call of
// Next then continues behind that frame.
func (f *Frames) Spoilt() bool { return f.spoilt }

// Next fills dst, which holds at least one frame, with as many frames as fit and returns their number; 0 and io.EOF at
// the end. A pixel that is not a finite, non-negative number is a *badinput.Error with frame and pixel.
func (f *Frames) Next(dst []float32) (int, error) {
	f.spoilt = false
	image := f.scan.N * f.scan.N
	for f.next == f.scan.M { // read to the end of the array, where checksums are compared
		if _, err := f.source.Next(dst); err != nil {
			return 0, err
		}
	}
	n, err := f.source.Next(dst[:min(len(dst), (f.scan.M-f.next)*image)])
	if err != nil {
		return 0, err
	}
	for i := range n {
		frame := dst[i*image : (i+1)*image]
		if err := f.scan.toAmplitudes(frame, f.next+i); err != nil {
			f.next, f.partial, f.spoilt = f.next+n, true, n == 1
			return 0, err
		}
		f.tally.add(frame)
	}
	f.scan.checkForCounts(dst[:n*image])
	f.next += n
	if f.next == f.scan.M && !f.partial {
		f.scan.keep(f.tally)
	}
	return n, nil
}

// Close ends the pass.
func (f *Frames) Close() error { return f.source.Close() }

// Raw starts a pass over the patterns (M, N, N) through the View, as the file holds them: neither checked nor turned
// into amplitudes. Next returns 0 and io.EOF at the end.
func (s *Scan) Raw() (source.Stream, error) {
	raw, err := s.file.Stream(s.patterns.key, s.patterns.axes...)
	if err != nil {
		return nil, err
	}
	raw = s.picked(raw, s.patterns.window.pixels())
	if s.patterns.window.plain() {
		return raw, nil
	}
	return &windowed{raw, s.patterns.window, make([]float32, s.patterns.window.pixels())}, nil
}

// EachAmplitude calls do with each pattern (N, N) as amplitudes; do must not keep it.
func (s *Scan) EachAmplitude(do func(pattern []float32) error) error {
	if h := s.holding(); h != nil {
		return h.each(do)
	}
	frames, err := s.Frames()
	if err != nil {
		return err
	}
	defer frames.Close()
	pattern := make([]float32, s.N*s.N)
	for {
		if _, err := frames.Next(pattern); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := do(pattern); err != nil {
			return err
		}
	}
}

// EachCount calls do with each pattern (N, N) as intensities: the file's, or squares of its amplitudes. Squares within
// float32's precision of a whole number are rounded to it, so that square roots of counts give back the counts.
func (s *Scan) EachCount(do func(pattern []float32) error) error {
	stream, err := s.Raw()
	if err != nil {
		return err
	}
	defer stream.Close()
	pattern := make([]float32, s.N*s.N)
	for number := range s.M {
		if _, err := stream.Next(pattern); err != nil {
			return err
		}
		if err := s.checkValues(pattern, number); err != nil {
			return err
		}
		if s.Input == Amplitude {
			square(pattern)
		}
		if err := do(pattern); err != nil {
			return err
		}
	}
	return nil
}

// square turns amplitudes into intensities.
func square(pattern []float32) {
	// A float32 is rounded by 2^-24, its square by twice that; the root was rounded as much.
	const precision = 1.0 / (1 << 22)
	for i, v := range pattern {
		square := float64(v) * float64(v)
		if count := math.Round(square); math.Abs(square-count) <= precision*square {
			square = count
		}
		pattern[i] = float32(square)
	}
}

// toAmplitudes checks a frame and takes the square root of counts.
func (s *Scan) toAmplitudes(frame []float32, number int) error {
	if err := s.checkValues(frame, number); err != nil {
		return err
	}
	if s.Input == Intensity {
		for i, v := range frame {
			frame[i] = float32(math.Sqrt(float64(v)))
		}
	}
	return nil
}

// mostCounts is more than any pixel counts. A larger value marks a gap or an overflow, and would dominate the mean
// brightness that scales the patterns.
const mostCounts = 1e18

// checkValues refuses a frame with values that no detector gives.
func (s *Scan) checkValues(frame []float32, number int) error {
	most := float32(mostCounts)
	if s.Input != Intensity {
		most = float32(math.Sqrt(mostCounts))
	}
	for i, v := range frame {
		if !(v >= 0 && v <= most) { // in accept form: NaN fails
			return s.Fault(s.patterns.key,
				fmt.Sprintf("%v in frame %d at pixel (row %d, column %d)", v, number, i/s.N, i%s.N),
				fmt.Sprintf("finite amplitudes or counts, 0 to %g", most), "mask the pixel or drop the frame")
		}
	}
	return nil
}

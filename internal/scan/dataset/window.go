package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/source"
)

// window makes a pattern of what the detector has recorded: pixels that are not to be trusted are filled, the dark counts
// subtracted, a square cut out and its pixels binned.
type window struct {
	height, width int // of the detector
	row, col      int // first pixel cut out
	size, bin     int // pixels of the pattern; pixels of the detector in each, along an axis

	fills      []fill
	dark       []float32 // (height, width), or nil
	clip       bool      // values below 0 are 0: counts from which something was subtracted
	amplitudes bool      // what is binned are square roots of counts

	warnOfClipping func()
}

// fill is a pixel that takes the mean of others.
type fill struct {
	at   int
	from []int // empty: nothing near is good, and the pixel is 0
}

// reach is how far a filled pixel looks for good ones, in pixels: as far as the gap between a detector's modules is wide.
const reach = 8

// plain tells whether a pattern is what the detector recorded.
func (w *window) plain() bool {
	return w.height == w.size && w.width == w.size && w.bin == 1 && w.fills == nil && w.dark == nil && !w.clip
}

// pixels is the number of the detector's pixels.
func (w *window) pixels() int { return w.height * w.width }

// newWindow lays the window on patterns of height x width pixels.
func (s *Scan) newWindow(key string, h npz.Header, height, width int, v View) (*window, error) {
	w := &window{height: height, width: width, bin: max(1, v.Bin)}
	place := s.file.Place(key)
	cut := v.Crop
	if cut.Size == 0 {
		if height != width {
			return nil, s.fault(key, "shape "+h.ShapeText(), "square patterns, shape (M, N, N)",
				"crop the detector to a square around the beam, with --crop SIZE or --crop SIZE@ROW,COLUMN")
		}
		cut = Crop{Size: height, Centred: true}
	}
	if cut.Centred {
		cut.Row, cut.Col = height/2, width/2
	}
	w.row, w.col = cut.Row-cut.Size/2, cut.Col-cut.Size/2
	if w.row < 0 || w.col < 0 || w.row+cut.Size > height || w.col+cut.Size > width {
		return nil, s.fault(key, fmt.Sprintf("patterns of %d x %d pixels", height, width),
			fmt.Sprintf("at least those of --crop %s: rows %d to %d, columns %d to %d", cut, w.row, w.row+cut.Size-1, w.col, w.col+cut.Size-1), "crop to less")
	}
	w.size = cut.Size / w.bin
	if w.size*w.bin != cut.Size {
		return nil, s.fault(key, fmt.Sprintf("%d pixels along an axis", cut.Size), fmt.Sprintf("a multiple of --bin %d", w.bin), "crop to one, with --crop")
	}
	if !slices.Contains(sizes, w.size) {
		return nil, s.fault(key, fmt.Sprintf("patterns of %d x %d pixels", w.size, w.size), "64, 128 or 256",
			"crop or bin the detector to one of these, with --crop and --bin")
	}
	w.warnOfClipping = sync.OnceFunc(func() {
		s.log.Warn("counts below 0 are taken as 0", "file", s.Path, "key", place)
	})
	return w, nil
}

// readWindow gives the window what the file says of the detector's pixels.
func (s *Scan) readWindow(p *patterns) error {
	facts, w := s.file.Facts, p.window
	w.clip = facts.Kind == source.Counts
	bad, err := s.badPixels(p, facts.Bad)
	if err != nil {
		return err
	}
	if w.fills = w.fillsOf(bad); len(w.fills) > 0 {
		lost := 0
		for _, f := range w.fills {
			if len(f.from) == 0 {
				lost++
			}
		}
		s.log.Info("masked pixels take the mean of the good ones near them, and are left out of the likelihood", "file", s.Path, "pixels", len(w.fills), "without a good one near, 0", lost)
		if s.Measured = w.measured(); !slices.Contains(s.Measured, true) {
			return s.fault(p.key, "a mask that leaves no pixel", "some that are good", "")
		}
	}
	if facts.Dark == nil {
		return nil
	}
	if !ndarray.SameShape(facts.Dark.Shape, []int{w.height, w.width}) {
		return s.fault(p.key, fmt.Sprintf("dark counts of shape %v", facts.Dark.Shape), fmt.Sprintf("(%d, %d), the detector's", w.height, w.width), "")
	}
	s.log.Info("dark counts are subtracted", "file", s.Path)
	w.dark, w.clip = facts.Dark.Data, true
	return nil
}

// badPixels are those that the file masks, and those at the largest value of an unsigned type in the first pattern: detectors mark
// gaps and overflow so.
func (s *Scan) badPixels(p *patterns, mask *ndarray.Float32) ([]bool, error) {
	w := p.window
	bad := make([]bool, w.pixels())
	if mask != nil {
		if !ndarray.SameShape(mask.Shape, []int{w.height, w.width}) {
			return nil, s.fault(p.key, fmt.Sprintf("a mask of shape %v", mask.Shape), fmt.Sprintf("(%d, %d), the detector's", w.height, w.width), "")
		}
		for i, v := range mask.Data {
			bad[i] = v != 0
		}
	}
	if !w.clip || p.ceiling == 0 {
		return bad, nil
	}
	raw, err := s.file.Stream(p.key, p.axes...)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	first := make([]float32, w.pixels())
	if _, err := raw.Next(first); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for i, v := range first {
		bad[i] = bad[i] || v >= p.ceiling
	}
	return bad, nil
}

// fillsOf finds, for each bad pixel inside the window, the good ones in the smallest square around it that has any.
func (w *window) fillsOf(bad []bool) []fill {
	var fills []fill
	for row := w.row; row < w.row+w.size*w.bin; row++ {
		for col := w.col; col < w.col+w.size*w.bin; col++ {
			if bad[row*w.width+col] {
				fills = append(fills, fill{row*w.width + col, w.near(bad, row, col)})
			}
		}
	}
	return fills
}

// measured are the pixels of a pattern of which no part was filled.
func (w *window) measured() []bool {
	out := make([]bool, w.size*w.size)
	for i := range out {
		out[i] = true
	}
	for _, f := range w.fills {
		out[(f.at/w.width-w.row)/w.bin*w.size+(f.at%w.width-w.col)/w.bin] = false
	}
	return out
}

func (w *window) near(bad []bool, row, col int) (good []int) {
	for r := 1; r <= reach && good == nil; r++ {
		for y := max(0, row-r); y <= min(w.height-1, row+r); y++ {
			for x := max(0, col-r); x <= min(w.width-1, col+r); x++ {
				if i := y*w.width + x; !bad[i] {
					good = append(good, i)
				}
			}
		}
	}
	return good
}

// apply makes a pattern of what the detector recorded, which it changes.
func (w *window) apply(pattern, raw []float32) {
	if w.dark != nil {
		for i, d := range w.dark {
			raw[i] -= d
		}
	}
	for _, f := range w.fills {
		sum := 0.0
		for _, from := range f.from {
			sum += math.Max(0, float64(raw[from]))
		}
		raw[f.at] = float32(sum / float64(max(1, len(f.from))))
	}
	if w.clip {
		w.clipped(raw)
	}
	if w.bin == 1 {
		for r := range w.size {
			copy(pattern[r*w.size:(r+1)*w.size], raw[(w.row+r)*w.width+w.col:])
		}
		return
	}
	for r := range w.size {
		for c := range w.size {
			pattern[r*w.size+c] = w.binned(raw[(w.row+r*w.bin)*w.width+w.col+c*w.bin:])
		}
	}
}

// clipped takes values below 0 as 0. NaN stays, to be complained of.
func (w *window) clipped(raw []float32) {
	found := false
	for i, v := range raw {
		if v < 0 {
			raw[i], found = 0, true
		}
	}
	if found {
		w.warnOfClipping()
	}
}

// binned adds the counts of the square of pixels at the beginning of raw.
func (w *window) binned(raw []float32) float32 {
	sum := 0.0
	for r := range w.bin {
		for c := range w.bin {
			v := float64(raw[r*w.width+c])
			if w.amplitudes {
				if !(v >= 0) {
					return float32(math.NaN()) // to be complained of
				}
				v *= v
			}
			sum += v
		}
	}
	if w.amplitudes {
		sum = math.Sqrt(sum)
	}
	return float32(sum)
}

// windowed is a stream of patterns made of a stream of what the detector recorded.
type windowed struct {
	raw    source.Stream
	window *window
	buf    []float32
}

func (w *windowed) Next(dst []float32) (int, error) {
	size := w.window.size * w.window.size
	if len(dst) < size {
		return 0, fmt.Errorf("dataset: a stream of patterns of %d pixels into a buffer of %d", size, len(dst))
	}
	n := 0
	for ; len(dst) >= size; n++ {
		if _, err := w.raw.Next(w.buf); errors.Is(err, io.EOF) && n > 0 {
			return n, nil
		} else if err != nil {
			return 0, err
		}
		w.window.apply(dst[:size], w.buf)
		dst = dst[size:]
	}
	return n, nil
}

func (w *windowed) Close() error { return w.raw.Close() }

// stream begins a pass over the patterns as the file holds them, seen through the window.
func (s *Scan) stream() (source.Stream, error) {
	raw, err := s.file.Stream(s.patterns.key, s.patterns.axes...)
	if err != nil || s.patterns.window.plain() {
		return raw, err
	}
	return &windowed{raw, s.patterns.window, make([]float32, s.patterns.window.pixels())}, nil
}

// windowedDirect gives single patterns.
type windowedDirect struct {
	raw    source.Direct
	window *window
	buf    []float32
}

func (w *windowedDirect) Read(i int, dst []float32) error {
	if err := w.raw.Read(i, w.buf); err != nil {
		return err
	}
	w.window.apply(dst, w.buf)
	return nil
}

// direct gives single patterns as stream does; nil where that would be slow.
func (s *Scan) direct() (source.Direct, error) {
	raw, err := s.file.Direct(s.patterns.key, s.patterns.axes...)
	if err != nil || raw == nil || s.patterns.window.plain() {
		return raw, err
	}
	return &windowedDirect{raw, s.patterns.window, make([]float32, s.patterns.window.pixels())}, nil
}

package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"ptyx/internal/base/frame"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/source"
)

// window makes a pattern of the detector's pixels: it subtracts the dark counts, fills masked pixels, cuts out a square
// and bins it.
type window struct {
	height, width int // of the detector
	row, col      int // first pixel cut out
	size, bin     int // pixels of the pattern; pixels of the detector in each, along an axis

	fills      []fill    // masked pixels
	dark       []float32 // (height, width), or nil
	clip       bool      // values below 0 become 0: counts from which something was subtracted
	ceiling    float32   // the smallest count that is no measurement; 0: none
	bad        []bool    // (height, width), with ceiling: masked pixels
	amplitudes bool      // the values to bin are square roots of counts

	warnOfClipping   func()
	warnOfSaturation func()
}

// plain reports whether a pattern is what the detector recorded.
func (w *window) plain() bool {
	return w.height == w.size && w.width == w.size && w.bin == 1 && w.fills == nil && w.dark == nil && !w.clip &&
		w.ceiling == 0
}

// pixelScale is how much larger the object's pixel is than with the complete detector: its width in the far field is
// inverse to the part of the detector that is cut out. Binning does not change it. It is zero for the complete
// detector.
func (w *window) pixelScale() frame.Scale {
	if w.size == w.height && w.size == w.width {
		return frame.Scale{}
	}
	cut := float64(w.size * w.bin)
	return frame.Scale{X: float64(w.width) / cut, Y: float64(w.height) / cut}
}

// pixels is the number of the detector's pixels.
func (w *window) pixels() int { return w.height * w.width }

// newWindow makes the window of a View on patterns of height x width pixels. It leaves the place of an automatic crop
// open until the mask is known.
func (s *Scan) newWindow(key string, h npz.Header, height, width int, v View) (*window, error) {
	w := &window{height: height, width: width, bin: max(1, v.Bin)}
	place := s.file.Place(key)
	w.warnOfSaturation = sync.OnceFunc(func() {
		s.log.Warn("pixels are saturated in some patterns: there they take the mean of good pixels near them",
			"file", s.Path, "key", place, "from_count", w.ceiling)
	})
	w.warnOfClipping = sync.OnceFunc(func() {
		s.log.Warn("counts below 0 are taken as 0", "file", s.Path, "key", place)
	})
	cut := v.Crop
	switch {
	case cut.Auto:
		return w, nil
	case cut.Size > 0:
	case height != width:
		remedy := "crop the detector to a square around the beam, with --crop auto or --crop SIZE@ROW,COLUMN"
		if b := s.file.Facts.Beam; b != nil {
			remedy += fmt.Sprintf("; the file states the beam at %.0f,%.0f", b.Y, b.X)
		}
		return nil, s.Fault(key, "shape "+h.ShapeText(), "square patterns, shape (M, N, N)", remedy)
	default:
		cut = Crop{Size: height, Centred: true}
	}
	return w, s.cutOut(w, key, cut)
}

// cutOut lets a window cut out a square.
func (s *Scan) cutOut(w *window, key string, cut Crop) error {
	if cut.Centred {
		cut.Row, cut.Col = w.height/2, w.width/2
	}
	w.row, w.col = cut.Row-cut.Size/2, cut.Col-cut.Size/2
	if w.row < 0 || w.col < 0 || w.row+cut.Size > w.height || w.col+cut.Size > w.width {
		return s.Fault(key, fmt.Sprintf("patterns of %d x %d pixels", w.height, w.width),
			fmt.Sprintf("at least those of --crop %s: rows %d to %d, columns %d to %d",
				cut, w.row, w.row+cut.Size-1, w.col, w.col+cut.Size-1), "crop to less")
	}
	room := w.room(cut.Row, cut.Col)
	w.size = cut.Size / w.bin
	if w.size*w.bin != cut.Size {
		return s.Fault(key, fmt.Sprintf("%d pixels along an axis", cut.Size),
			fmt.Sprintf("a multiple of --bin %d", w.bin), sizeRemedy(cut, w.bin, room))
	}
	if !HasSize(w.size) {
		return s.Fault(key, fmt.Sprintf("patterns of %d x %d pixels", w.size, w.size), SizeRule(),
			sizeRemedy(cut, w.bin, room))
	}
	return nil
}

// crop is the square that the window cuts out.
func (w *window) crop() Crop {
	size := w.size * w.bin
	return Crop{Size: size, Row: w.row + size/2, Col: w.col + size/2}
}

// room is the side of the largest square around a pixel of the detector.
func (w *window) room(row, col int) int { return 2 * min(row, col, w.height-row, w.width-col) }

// apply writes to pattern (size, size) what it makes of raw (height, width), which it changes.
func (w *window) apply(pattern, raw []float32) {
	if w.ceiling > 0 {
		w.fillSaturated(raw)
	}
	for i, d := range w.dark {
		raw[i] -= d
	}
	for _, f := range w.fills {
		sum := 0.0
		for _, from := range f.from {
			sum += math.Max(0, float64(raw[from]))
		}
		raw[f.at] = float32(sum / float64(max(1, len(f.from))))
	}
	if w.clip {
		w.clipNegative(raw)
	}
	for r := range w.size {
		row := raw[(w.row+r*w.bin)*w.width+w.col:]
		if w.bin == 1 {
			copy(pattern[r*w.size:(r+1)*w.size], row)
			continue
		}
		for c := range w.size {
			pattern[r*w.size+c] = w.binned(row[c*w.bin:])
		}
	}
}

// fillSaturated gives pixels that are saturated in this image the mean of good ones near them.
func (w *window) fillSaturated(raw []float32) {
	var saturated map[int]float32
	for row := w.row; row < w.row+w.size*w.bin; row++ {
		for col := w.col; col < w.col+w.size*w.bin; col++ {
			i := row*w.width + col
			if raw[i] < w.ceiling || w.bad[i] {
				continue
			}
			if saturated == nil {
				saturated = map[int]float32{}
			}
			saturated[i] = w.meanNear(raw, row, col)
		}
	}
	for i, mean := range saturated {
		raw[i] = mean
	}
	if saturated != nil {
		w.warnOfSaturation()
	}
}

// meanNear is the mean of the good pixels of an image in the smallest square around a pixel that has any; the ceiling
// if there is none.
func (w *window) meanNear(raw []float32, row, col int) float32 {
	sum, count := 0.0, 0
	for r := 1; r <= reach && count == 0; r++ {
		for y := max(0, row-r); y <= min(w.height-1, row+r); y++ {
			for x := max(0, col-r); x <= min(w.width-1, col+r); x++ {
				if i := y*w.width + x; !w.bad[i] && raw[i] < w.ceiling {
					sum, count = sum+float64(raw[i]), count+1
				}
			}
		}
	}
	if count == 0 {
		return w.ceiling
	}
	return float32(sum / float64(count))
}

// clipNegative replaces values below 0 by 0. NaN stays, and is refused later.
func (w *window) clipNegative(raw []float32) {
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
					return float32(math.NaN()) // refused later
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

// windowed is a stream of patterns, made of a stream of the detector's images.
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

package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/source"
)

// fill is a masked pixel, which takes the mean of others.
type fill struct {
	at   int
	from []int // empty: no pixel near it is good, and it becomes 0
}

// reach is how far a masked pixel looks for good ones, in pixels: as far as the gap between a detector's modules is
// wide.
const reach = 8

// readMask reads mask and dark counts for the window, and places an automatic crop between them. side is that
// of Options.
func (s *Scan) readMask(p *patterns, v View, side int) error {
	facts, w := s.file.Facts, p.window
	w.clip = facts.Kind == source.Counts
	if c := float32(facts.Ceiling); c > 0 && (p.ceiling == 0 || c < p.ceiling) {
		p.ceiling = c
	}
	mask, err := s.mask(v)
	if err != nil {
		return err
	}
	bad, err := s.badPixels(p, mask)
	if err != nil {
		return err
	}
	if v.Crop.Auto {
		if err := s.placeByLight(p, bad, side); err != nil {
			return err
		}
	}
	if s.marksGaps(p) {
		w.bad, w.ceiling = bad, p.ceiling
	}
	if w.fills = w.fillsOf(bad); len(w.fills) > 0 {
		lost := 0
		for _, f := range w.fills {
			if len(f.from) == 0 {
				lost++
			}
		}
		s.log.Info("masked pixels take the mean of good pixels near them, and do not count in the likelihood",
			"file", s.Path, "pixels", len(w.fills), "without_good_neighbour", lost)
		if s.Measured = w.measured(); !slices.Contains(s.Measured, true) {
			return s.Fault(p.key, "a mask that leaves no pixel", "at least one good pixel", "")
		}
	}
	if facts.Dark == nil {
		return nil
	}
	if err := s.checkDetector(p, "dark counts", facts.Dark); err != nil {
		return err
	}
	s.log.Info("dark counts are subtracted", "file", s.Path)
	w.dark, w.clip = facts.Dark.Data, true
	return nil
}

// mask is that of the user's file, else the scan's own; nil if there is none.
func (s *Scan) mask(v View) (*ndarray.Float32, error) {
	other, err := v.openMask()
	if err != nil {
		return nil, fmt.Errorf("reading the mask: %w", err)
	}
	if other == nil {
		return s.file.Facts.Bad, nil
	}
	defer other.Close()
	for _, remark := range other.Facts.Remarks {
		s.log.Warn(remark, "file", other.Path())
	}
	return other.Facts.Bad, nil
}

// checkDetector refuses an image of another size than the detector's.
func (s *Scan) checkDetector(p *patterns, what string, image *ndarray.Float32) error {
	if w := p.window; !ndarray.SameShape(image.Shape, []int{w.height, w.width}) {
		return s.Fault(p.key, what+" of shape "+npz.Header{Shape: image.Shape}.ShapeText(),
			fmt.Sprintf("(%d, %d), the detector's", w.height, w.width), "give one of the detector before --crop")
	}
	return nil
}

// badPixels are those of the mask, and those in the first pattern that are no counts: at the largest value of an
// unsigned type, or from the count on that the file states as the limit. Detectors mark gaps and overflow so.
func (s *Scan) badPixels(p *patterns, mask *ndarray.Float32) ([]bool, error) {
	w := p.window
	bad := make([]bool, w.pixels())
	if mask != nil {
		if err := s.checkDetector(p, "a mask", mask); err != nil {
			return nil, err
		}
		for i, v := range mask.Data {
			bad[i] = v != 0
		}
	}
	if !s.marksGaps(p) {
		return bad, nil
	}
	raw, err := s.file.Stream(p.key, p.axes...)
	if err != nil {
		return nil, err
	}
	raw = s.picked(raw, w.pixels())
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

// marksGaps reports whether the largest value of the patterns' type stands for pixels that measured nothing. Files
// without a layout may hold 65535 counts in a pixel, but no 2^32 - 1.
func (s *Scan) marksGaps(p *patterns) bool {
	return p.ceiling > 0 && (p.window.clip || p.ceiling > math.MaxUint16 && s.Input == Intensity)
}

// fillsOf finds for each bad pixel inside the window the good ones near it.
func (w *window) fillsOf(bad []bool) []fill {
	var fills []fill
	for row := w.row; row < w.row+w.size*w.bin; row++ {
		for col := w.col; col < w.col+w.size*w.bin; col++ {
			if bad[row*w.width+col] {
				fills = append(fills, fill{row*w.width + col, w.goodNear(bad, row, col)})
			}
		}
	}
	return fills
}

// goodNear are the good pixels in the smallest square around a pixel that has any.
func (w *window) goodNear(bad []bool, row, col int) (good []int) {
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

// measured are the pixels of a pattern of which no part is masked.
func (w *window) measured() []bool {
	out := slices.Repeat([]bool{true}, w.size*w.size)
	for _, f := range w.fills {
		out[(f.at/w.width-w.row)/w.bin*w.size+(f.at%w.width-w.col)/w.bin] = false
	}
	return out
}

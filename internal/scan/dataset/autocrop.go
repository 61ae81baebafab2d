package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	sampled   = 16    // patterns from which the crop is found
	heldLight = 0.999 // of the light, in the square that is kept
	multiple  = 8     // pixels of a pattern, of which its side is a multiple
	usual     = 64    // pixels of a pattern along an axis, at least where they fit
	slack     = 2     // pixels by which the square may be off the centre, to fit on the detector
)

// placeByLight places the window of an automatic crop around the centre of the light. Its patterns have side pixels
// along an axis; with 0, as few as hold nearly all of the light. It logs the crop as a user would write it.
func (s *Scan) placeByLight(p *patterns, bad []bool, side int) error {
	l, err := s.sampleLight(p, bad)
	if err != nil {
		return err
	}
	row, col := l.centre()
	held := l.ringsAround(row, col).held()
	if math.IsNaN(held[len(held)-1]) {
		return s.Fault(p.key, fmt.Sprintf("no light in the patterns read, %d of %d", min(sampled, s.M), s.M),
			"light, from which --crop auto finds the square to keep", "give --crop SIZE@ROW,COLUMN")
	}
	w := p.window
	cut := w.squareOf(held, row, col, side)
	if cut.Size < LeastSize*w.bin {
		return s.Fault(p.key, fmt.Sprintf("the centre of the light at row %d, column %d", row, col),
			fmt.Sprintf("%d pixels of the detector on each side of it", LeastSize*w.bin/2),
			"if it is somewhere else, give --crop SIZE@ROW,COLUMN")
	}
	if err := s.cutOut(w, p.key, cut); err != nil {
		return err
	}
	s.log.Info("the detector is cropped around the light", "file", s.Path, "crop", cut,
		"light_percent", math.Round(1e4*held[min(cut.Size/2, len(held))-1])/100)
	return nil
}

// squareOf is the square around a pixel that keeps nearly all light, of which held is the part in the squares of
// 2, 4, 6 ... pixels. side is its size after binning, or 0. Its size is 0 if none fits.
func (w *window) squareOf(held []float64, row, col, side int) Crop {
	size, step := usual*w.bin, multiple*w.bin
	for h, part := range held {
		if part >= heldLight {
			size = max(size, 2*(h+1))
			break
		}
	}
	size = min((size+step-1)/step*step, MostSize*w.bin)
	size = min(size, w.height/step*step, w.width/step*step)
	if side > 0 {
		size = side * w.bin
	}
	// The light tells the centre within a pixel or two, which must not cost a part of the detector.
	near := func(at, pixels int) int {
		if fits := min(max(at, size/2), pixels-size/2); max(fits-at, at-fits) <= slack {
			return fits
		}
		return at
	}
	row, col = near(row, w.height), near(col, w.width)
	if side == 0 {
		size = min(size, w.room(row, col)/step*step)
	}
	return Crop{Size: size, Row: row, Col: col}
}

// sampleLight averages patterns that are spread over the scan, as the detector recorded them less the dark counts.
func (s *Scan) sampleLight(p *patterns, bad []bool) (*light, error) {
	w := p.window
	l := &light{height: w.height, width: w.width, mean: make([]float64, w.pixels()), good: make([]bool, w.pixels())}
	for i, b := range bad {
		l.good[i] = !b
	}
	raw, err := s.file.Stream(p.key, p.axes...)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	var chosen []int
	count := min(sampled, s.M)
	for i := range count {
		chosen = append(chosen, p.placeOf((2*i+1)*s.M/(2*count)))
	}
	stream := &picked{raw: raw, kept: chosen, image: make([]float32, w.pixels())}
	image := make([]float32, w.pixels())
	for range count {
		if _, err := stream.Next(image); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		s.addLight(l, image, count)
	}
	l.dropHot()
	return l, nil
}

// addLight adds a pattern to the mean of count. Values that are none count as dark; they are refused when the patterns
// are read.
func (s *Scan) addLight(l *light, image []float32, count int) {
	dark := s.file.Facts.Dark
	for i, v := range image {
		value := float64(v)
		if dark != nil && i < len(dark.Data) {
			value -= float64(dark.Data[i])
		}
		if s.Input == Amplitude {
			value *= max(0, value)
		}
		if value > 0 && value <= mostCounts { // false of NaN
			l.mean[i] += value / float64(count)
		}
	}
}

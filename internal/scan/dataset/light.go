package dataset

import (
	"math"
	"slices"

	"ptyx/internal/physics/spectrum"
)

// light is the mean intensity (height, width) of a few patterns, and the pixels that count.
type light struct {
	height, width int
	mean          []float64
	good          []bool
}

const (
	hotRatio   = 10    // mean of a pixel over that of its brightest neighbour, from which it is a fault
	hotExcess  = 20    // least excess over that, in units of the smallest mean, so that noise is no fault
	clipped    = 0.999 // quantile at which amplitudes are clipped, so that no few pixels decide the centre
	coarseSide = 512   // pixels along an axis in which the centre is found first
)

// dropHot marks pixels that are much brighter than all their neighbours, as validate reports them.
func (l *light) dropHot() {
	quantum := math.Inf(1)
	for i, v := range l.mean {
		if l.good[i] && v > 0 {
			quantum = min(quantum, v)
		}
	}
	var hot []int
	for i, v := range l.mean {
		if l.good[i] && v > hotExcess*quantum && v > hotRatio*l.brightestNear(i)+hotExcess*quantum {
			hot = append(hot, i)
		}
	}
	for _, i := range hot {
		l.good[i] = false
	}
}

// brightestNear is the largest mean of the up to eight good neighbours of a pixel.
func (l *light) brightestNear(i int) float64 {
	most, row, col := 0.0, i/l.width, i%l.width
	for r := max(row-1, 0); r <= min(row+1, l.height-1); r++ {
		for c := max(col-1, 0); c <= min(col+1, l.width-1); c++ {
			if j := r*l.width + c; j != i && l.good[j] {
				most = max(most, l.mean[j])
			}
		}
	}
	return most
}

// centre is the pixel about which the light is most like itself turned by half a turn: that of zero frequency, as the
// far field of a lens's pupil is even. It is found in larger pixels first, then around that place.
func (l *light) centre() (row, col int) {
	step := (max(l.height, l.width) + coarseSide - 1) / coarseSide
	r, c := l.centreOf(0, 0, l.height/step, l.width/step, step)
	if step > 1 {
		h, w := min(l.height, coarseSide), min(l.width, coarseSide)
		top := min(max(int(r)-h/2, 0), l.height-h)
		left := min(max(int(c)-w/2, 0), l.width-w)
		// A window that is cut off by the border would draw the centre to its own middle.
		if int(r)-h/2 == top && int(c)-w/2 == left {
			r, c = l.centreOf(top, left, h, w, 1)
		}
	}
	return int(math.Round(r)), int(math.Round(c))
}

// centreOf is the centre of a part of the detector, in the detector's pixels: h x w squares of step pixels each.
func (l *light) centreOf(top, left, h, w, step int) (row, col float64) {
	root, known := make([]float64, h*w), make([]bool, h*w)
	var all []float64
	for i := range root {
		sum, count := 0.0, 0
		for y := range step {
			for x := range step {
				if j := (top+i/w*step+y)*l.width + left + i%w*step + x; l.good[j] {
					sum, count = sum+l.mean[j], count+1
				}
			}
		}
		if known[i] = count > 0; known[i] {
			root[i] = math.Sqrt(sum / float64(count))
			all = append(all, root[i])
		}
	}
	if len(all) > 0 {
		slices.Sort(all)
		// Even light everywhere says nothing of the centre.
		background, most := all[len(all)/4], all[int(clipped*float64(len(all)-1))]
		for i, v := range root {
			root[i] = max(0, min(v, most)-background)
		}
	}
	r, c := spectrum.InversionCentre(root, known, h, w)
	middle := float64(step-1) / 2
	return float64(top) + r*float64(step) + middle, float64(left) + c*float64(step) + middle
}

// rings are the mean intensities of the square rings around a pixel: ring h-1 is what the square of 2h pixels has more
// than the one of 2h-2. A square of 2h pixels around c reaches from c-h to c+h-1.
type rings struct {
	mean, doubt []float64 // of a pixel; the standard error of the mean
	count       []int     // good pixels
}

// ringsAround measures the rings around a pixel, up to the farthest corner.
func (l *light) ringsAround(row, col int) rings {
	n := max(row, col, l.height-row, l.width-col)
	r := rings{make([]float64, n), make([]float64, n), make([]int, n)}
	ring := func(d int) int {
		if d < 0 {
			return -d - 1
		}
		return d
	}
	for i, v := range l.mean {
		if !l.good[i] {
			continue
		}
		h := max(ring(i/l.width-row), ring(i%l.width-col))
		r.mean[h], r.doubt[h], r.count[h] = r.mean[h]+v, r.doubt[h]+v*v, r.count[h]+1
	}
	for h, n := range r.count {
		if n > 0 {
			r.mean[h] /= float64(n)
			r.doubt[h] = math.Sqrt(max(0, r.doubt[h]/float64(n)-r.mean[h]*r.mean[h]) / float64(n))
		}
	}
	return r
}

// background is the mean intensity far from the light: the smallest mean of rings that together have a twentieth of
// the pixels.
func (r rings) background() float64 {
	all := 0
	for _, n := range r.count {
		all += n
	}
	least := math.Inf(1)
	sum, count := 0.0, 0
	for h := len(r.count) - 1; h >= 0; h-- {
		sum, count = sum+r.mean[h]*float64(r.count[h]), count+r.count[h]
		if 20*count >= all {
			least = min(least, sum/float64(count))
			sum, count = 0, 0
		}
	}
	return least
}

// held is the part of the light above the background in the squares of 2, 4, 6 ... pixels. A ring that does not stand
// out from the background counts as dark, so that noise of many pixels adds up to nothing. A ring that is partly masked
// or beyond the detector counts with its mean.
func (r rings) held() []float64 {
	const clearly = 3 // standard errors
	background := r.background()
	held := make([]float64, len(r.mean))
	sum := 0.0
	for h, mean := range r.mean {
		if more := mean - background; more > clearly*r.doubt[h] {
			sum += more * float64(8*h+4)
		}
		held[h] = sum
	}
	for h := range held {
		held[h] /= sum
	}
	return held
}

package metrics

import (
	"math/cmplx"

	"ptyx/internal/physics/spectrum"
)

const (
	// Hardly is a correlation below which two objects do not show the same structures at the same place.
	Hardly = 0.5
	// surely is one from which they do. Objects of positions with both axes flipped reach 0.55 somewhere.
	surely = 0.7
)

// farther aligns a pair that hardly agrees after a move of any length: programs disagree on where an object begins. It
// returns nil if that does not help.
func farther(recon, reference Image, opt Options) *Aligned {
	row, col := displacement(recon, reference)
	recon.Row, recon.Col = recon.Row+row, recon.Col+col
	far, err := alignNear(recon, reference, opt)
	if err != nil || far.correlation() < surely {
		return nil
	}
	far.ShiftRow, far.ShiftCol = far.ShiftRow-float64(row), far.ShiftCol-float64(col)
	return far
}

// correlation is that of the aligned pair, 0 to 1.
func (a *Aligned) correlation() float64 { return momentsOf(a.Recon, a.Reference, a.Mask).correlation() }

// displacement is the move in whole pixels, of any length, that brings the structures of recon onto those of reference.
// It correlates the products of neighbouring pixels, O(r, c+1) conj(O(r, c)): a phase ramp changes all of them by the
// same factor.
func displacement(recon, reference Image) (row, col int) {
	a, b := recon.Object.Shape, reference.Object.Shape
	h, w := spectrum.SmoothFrom(a[0]+b[0]), spectrum.SmoothFrom(a[1]+b[1]) // so that no move wraps around
	x, y := recon.steps(h, w), reference.steps(h, w)
	x.FFT()
	y.FFT()
	for i := range y.Data {
		y.Data[i] *= cmplx.Conj(x.Data[i])
	}
	y.IFFT()
	best := 0
	for i, v := range y.Data {
		if cmplx.Abs(v) > cmplx.Abs(y.Data[best]) {
			best = i
		}
	}
	row, col = spectrum.Frequency(best/w, h), spectrum.Frequency(best%w, w)
	return row + reference.Row - recon.Row, col + reference.Col - recon.Col
}

// steps are the products of neighbouring pixels of a row that are well covered, less their mean; 0 elsewhere, (h, w).
// Without a coverage, they fade towards the border of the image.
func (im Image) steps(h, w int) *spectrum.Field {
	out, enough := spectrum.New(h, w), im.enough()
	var sum complex128
	var known []int
	for r := range im.Object.Shape[0] {
		for c := range im.Object.Shape[1] - 1 {
			row, col := im.Row+r, im.Col+c
			if !im.covered(row, col, enough) || !im.covered(row, col+1, enough) {
				continue
			}
			v := im.value(row, col+1) * cmplx.Conj(im.value(row, col))
			out.Data[r*w+c] = v
			sum += v
			known = append(known, r*w+c)
		}
	}
	for _, i := range known {
		out.Data[i] -= sum / complex(float64(len(known)), 0)
	}
	if im.Coverage == nil { // the rim is where no pattern was, and its edge is alike in all objects
		rows, columns := hann(im.Object.Shape[0]), hann(im.Object.Shape[1])
		for _, i := range known {
			out.Data[i] *= complex(rows[i/w]*columns[i%w], 0)
		}
	}
	return out
}

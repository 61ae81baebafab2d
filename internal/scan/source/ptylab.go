package source

import "fmt"

// ptyLab is a file of PtyLab: counts, positions of the beam in metres as (row, column), wavelength, distance and the
// detector's pixel in metres. Its orientation says how the patterns are turned before use.
var ptyLab = layout{
	name:  "PtyLab",
	signs: []string{"ptychogram"},
	read: func(r *reader) {
		f := &r.Facts
		f.Kind = Counts
		if place := r.first("zled"); place != "" {
			r.fail(place, "a Fourier ptychography scan", "a scan with a moving sample or beam", "")
		}
		var wavelength, pixel float64
		r.number(&wavelength, "wavelength")
		if wavelength > 0 {
			f.EnergyEV = planckC / wavelength
		}
		r.number(&f.DistanceM, "zo")
		r.number(&pixel, "dxd")
		f.DetectorPixelX, f.DetectorPixelY = pixel, pixel
		if all, found := r.patterns("ptychogram"); found {
			all = all.oriented(r.orientation())
			r.members[Patterns] = member{place: all.place, array: all}
		}
		r.ptyLabEncoder()
	},
}

// orientation reads the code of the turn of the patterns, see oriented.
func (r *reader) orientation() int {
	var code float64
	place := r.first("orientation")
	if r.number(&code, place) && !(code >= 0 && code < 8 && code == float64(int(code))) {
		r.fail(place, fmt.Sprint(code), "a whole number from 0 to 7", "")
		return 0
	}
	return int(code)
}

// ptyLabEncoder reads the positions. Like PtyLab, it takes the longer axis for that of the patterns.
func (r *reader) ptyLabEncoder() {
	place, points, shape := r.values("encoder")
	if place == "" {
		return
	}
	if len(shape) != 2 || shape[0] != 2 && shape[1] != 2 {
		r.fail(place, "shape "+shapeText(shape), "(M, 2), a row and a column for each pattern", "")
		return
	}
	count, step, next := shape[0], 2, 1
	if shape[1] != 2 || shape[0] < shape[1] {
		count, step, next = shape[1], 1, shape[1]
	}
	x, y := make([]float64, count), make([]float64, count)
	for i := range count {
		y[i], x[i] = points[i*step], points[i*step+next]
	}
	r.metres(place, x, y)
}

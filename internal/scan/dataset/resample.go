package dataset

import (
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
)

// probes brings modes (P, height, width) to the window.
func (w *window) probes(whole *ndarray.Complex64) *ndarray.Complex64 {
	modes, size := whole.Shape[0], w.pixels()
	out := ndarray.New[complex64](modes, w.size, w.size)
	for m := range modes {
		one := w.probe(ndarray.Wrap(whole.Data[m*size:(m+1)*size], w.height, w.width))
		copy(out.Data[m*w.size*w.size:], one.Data)
	}
	return out
}

// probe brings a probe of the whole detector's far field to that of the window: less detector means larger pixels of the object,
// and binned pixels a smaller field of view. Its far field is cut as the patterns are, around zero frequency, and what is left
// keeps its power; then the middle of the field of view is kept.
func (w *window) probe(whole *ndarray.Complex64) *ndarray.Complex64 {
	cut := w.size * w.bin
	f := spectrum.New(w.height, w.width)
	for i, v := range whole.Data {
		f.Data[i] = complex128(v)
	}
	f = rolled(f, -(w.height / 2), -(w.width / 2)) // its middle to [0, 0], where the transform has it
	f.FFT()
	f = f.Centre().Crop(w.height/2-cut/2, w.width/2-cut/2, cut, cut)
	f = rolled(f, -(cut / 2), -(cut / 2))
	f.IFFT()
	f = f.Centre()
	margin := cut/2 - w.size/2
	f = f.Crop(margin, margin, w.size, w.size)
	scale := math.Sqrt(float64(cut*cut) / float64(w.height*w.width)) // of transforms that keep power
	out := ndarray.New[complex64](w.size, w.size)
	for i, v := range f.Data {
		out.Data[i] = complex64(v * complex(scale, 0))
	}
	return out
}

// rolled moves a field cyclically.
func rolled(f *spectrum.Field, rows, cols int) *spectrum.Field {
	out := spectrum.New(f.H, f.W)
	for r := range f.H {
		for c := range f.W {
			to := ((r+rows)%f.H+f.H)%f.H*f.W + ((c+cols)%f.W+f.W)%f.W
			out.Data[to] = f.Data[r*f.W+c]
		}
	}
	return out
}

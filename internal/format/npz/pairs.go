package npz

import (
	"fmt"

	"ptyx/internal/base/ndarray"
)

const wantComplex = "complex values (complex64 or complex128)"

// Pairs begins reading a complex array of one axis or more as Stream does, in C order: each value is its real and its
// imaginary part, so Shape has a last axis of 2. An array in Fortran order is held as a whole.
func (r *Reader) Pairs(key string) (*Stream, error) {
	m, n, err := r.openAs(key, dtype.complex, wantComplex)
	if err != nil {
		return nil, err
	}
	lay, err := layoutOf(m.Header, nil)
	if err == nil && len(m.Shape) == 0 {
		err = fmt.Errorf("a single number has no slices")
	}
	if err != nil {
		m.body.Close()
		return nil, r.fault(key, "shape "+shapeText(m.Shape), "", "", err)
	}
	s := &Stream{Shape: append(lay.shape, 2), r: r, left: lay.shape[0]}
	if n == 0 {
		s.left = 0
	} else {
		s.slice = 2 * n / s.left
	}
	if lay.straight {
		m.dtype.kind, m.dtype.size = 'f', m.dtype.size/2
		s.m, s.chunk = m, newChunk(m, 2*n)
		return s, nil
	}
	m.body.Close()
	all, err := r.Complex64(key)
	if err != nil {
		return nil, err
	}
	s.whole = ndarray.New[float32](s.Shape...)
	for i, v := range all.Data {
		s.whole.Data[2*i], s.whole.Data[2*i+1] = real(v), imag(v)
	}
	return s, nil
}

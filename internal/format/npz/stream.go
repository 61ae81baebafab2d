package npz

import (
	"errors"
	"fmt"
	"io"

	"ptyx/internal/base/ndarray"
)

// Stream delivers the slices along the leading axis of an array, in order, as float32. It holds one chunk of the file.
// If the file's order of elements is not that of the slices (Fortran order, permuted axes), it holds the array.
type Stream struct {
	Shape []int // of the array, axes permuted

	m     *member
	array *ndarray.Float32 // if the file cannot be read in its own order
	slice int              // elements of one slice
	left  int              // slices not yet delivered
	err   error            // that ended the stream
}

// Stream begins to read a real array of one axis or more. axes, if given, permutes its axes as numpy.transpose does.
func (r *Reader) Stream(key string, axes ...int) (*Stream, error) {
	m, err := r.openAs(key, axes, dtype.real, wantReal)
	if err != nil {
		return nil, err
	}
	return m.stream(func() (*ndarray.Float32, error) { return r.Float32(key, axes...) })
}

// Pairs begins to read a complex array of one axis or more in C order. Each value is its real and its imaginary part,
// so Shape has a last axis of 2. The stream holds an array in Fortran order.
func (r *Reader) Pairs(key string) (*Stream, error) {
	m, err := r.openAs(key, nil, dtype.complex, wantComplex)
	if err != nil {
		return nil, err
	}
	m.asPairs()
	return m.stream(func() (*ndarray.Float32, error) {
		all, err := r.Complex64(key)
		if err != nil {
			return nil, err
		}
		pairs := ndarray.New[float32](m.layout.shape...)
		for i, v := range all.Data {
			pairs.Data[2*i], pairs.Data[2*i+1] = real(v), imag(v)
		}
		return pairs, nil
	})
}

// asPairs makes of a complex member a real one with a last axis of 2.
func (m *member) asPairs() {
	m.dtype = m.dtype.part()
	m.layout.shape = append(m.layout.shape, 2)
	m.layout.count *= 2
}

// stream begins to deliver the member; load reads it if it is not in the order of the slices.
func (m *member) stream(load func() (*ndarray.Float32, error)) (*Stream, error) {
	if len(m.Shape) == 0 {
		err := m.reader.fault(m.key, "shape "+m.ShapeText(), "", "", errors.New("a single number has no slices"))
		return nil, errors.Join(err, m.body.Close())
	}
	s := &Stream{Shape: m.layout.shape}
	if m.layout.count > 0 {
		s.left = s.Shape[0]
		s.slice = m.layout.count / s.left
	}
	if m.layout.straight {
		s.m = m
		return s, nil
	}
	array, err := load()
	s.array = array
	return s, errors.Join(err, m.body.Close())
}

// Next fills dst with as many complete slices as it holds and returns how many; fewer only at the end, then 0 and
// io.EOF. dst must hold one slice at least. The archive's checksum is compared together with the last slice: a fault
// there is returned in place of that slice.
func (s *Stream) Next(dst []float32) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.left == 0 {
		s.err = io.EOF
		return 0, s.err
	}
	n := min(s.left, len(dst)/s.slice)
	if n == 0 {
		return 0, fmt.Errorf("npz: a stream of slices of %d elements into a buffer of %d", s.slice, len(dst))
	}
	if s.err = s.fill(dst[:n*s.slice]); s.err != nil {
		return 0, s.err
	}
	s.left -= n
	if s.left == 0 && s.m != nil {
		if s.err = s.m.finish(); s.err != nil {
			return 0, s.err
		}
	}
	return n, nil
}

// fill delivers the next len(dst) elements.
func (s *Stream) fill(dst []float32) error {
	if s.array != nil {
		copy(dst, s.array.Data[(s.Shape[0]-s.left)*s.slice:])
		return nil
	}
	for len(dst) > 0 {
		k := min(len(dst), s.m.chunk())
		raw, err := s.m.read(k)
		if err != nil {
			return err
		}
		if err := decode(dst[:k], raw, s.m.dtype); err != nil {
			return err
		}
		dst = dst[k:]
	}
	return nil
}

// Close ends the stream; the Reader stays open.
func (s *Stream) Close() error {
	s.left, s.array = 0, nil
	if s.m == nil {
		return nil
	}
	return s.m.body.Close()
}

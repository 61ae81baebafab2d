package npz

import (
	"fmt"
	"io"

	"ptyx/internal/base/ndarray"
)

// Stream delivers the slices along the leading axis of a real array, in order, as float32. It holds one chunk of the
// file. Where the file's order of elements is not that of the slices (Fortran order, permuted axes) it holds them all.
type Stream struct {
	Shape []int // of the whole array, axes permuted

	r     *Reader
	m     *member
	chunk *chunk
	whole *ndarray.Float32 // when the file cannot be followed in its own order
	slice int              // elements of one slice
	left  int              // slices not yet delivered
	err   error            // what ended the stream
}

// Stream begins reading a real array of one axis or more. axes, when given, permutes its axes as numpy.transpose does.
func (r *Reader) Stream(key string, axes ...int) (*Stream, error) {
	m, n, err := r.openAs(key, dtype.real, wantReal)
	if err != nil {
		return nil, err
	}
	lay, err := layoutOf(m.Header, axes)
	if err == nil && len(m.Shape) == 0 {
		err = fmt.Errorf("a single number has no slices")
	}
	if err != nil {
		m.body.Close()
		return nil, r.fault(key, "shape "+shapeText(m.Shape), "", "", err)
	}
	s := &Stream{Shape: lay.shape, r: r, left: lay.shape[0]}
	if n == 0 {
		s.left = 0
	} else {
		s.slice = n / s.left
	}
	if lay.straight {
		s.m, s.chunk = m, newChunk(m, n)
		return s, nil
	}
	m.body.Close()
	s.whole, err = r.Float32(key, axes...)
	return s, err
}

// Next fills dst with as many whole slices as it holds and returns how many; fewer only at the end, then 0 and io.EOF.
// dst must hold one slice at least. The archive's checksum is compared together with the last slice: a fault there
// is returned in place of that slice.
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
		if s.err = s.r.finish(s.m); s.err != nil {
			return 0, s.err
		}
	}
	return n, nil
}

// fill delivers the next len(dst) elements.
func (s *Stream) fill(dst []float32) error {
	if s.whole != nil {
		copy(dst, s.whole.Data[(s.Shape[0]-s.left)*s.slice:])
		return nil
	}
	for len(dst) > 0 {
		k := min(len(dst), s.chunk.capacity)
		if err := s.chunk.read(s.r, k); err != nil {
			return err
		}
		if err := decodeReal(dst[:k], s.chunk.raw, s.m.dtype); err != nil {
			return err
		}
		dst = dst[k:]
	}
	return nil
}

// Close ends the stream; the Reader stays open.
func (s *Stream) Close() error {
	s.left, s.whole = 0, nil
	if s.m == nil {
		return nil
	}
	return s.m.body.Close()
}

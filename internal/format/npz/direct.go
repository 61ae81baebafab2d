package npz

import (
	"archive/zip"
	"fmt"
)

// Direct reads slices along the leading axis of an array by their index, as float32, in memory for one slice. The
// member must be stored, not deflated, with its elements in the order of the slices. The archive's checksum covers a
// complete member and is not compared: a Stream does that. A Direct is for one goroutine.
type Direct struct {
	m      *member
	offset int64 // of the first element in the file
	slice  int   // elements of one slice
	raw    []byte
}

// Direct opens a real array of one axis or more; axes, if given, permutes its axes as numpy.transpose does. It returns
// nil if the member cannot be read in this way.
func (r *Reader) Direct(key string, axes ...int) (*Direct, error) {
	m, err := r.openAs(key, axes, dtype.real, wantReal)
	if err != nil {
		return nil, err
	}
	return m.direct()
}

// DirectPairs opens a complex array as Direct does. Each value is its real and its imaginary part.
func (r *Reader) DirectPairs(key string) (*Direct, error) {
	m, err := r.openAs(key, nil, dtype.complex, wantComplex)
	if err != nil {
		return nil, err
	}
	m.asPairs()
	return m.direct()
}

func (m *member) direct() (*Direct, error) {
	m.body.Close()
	f := m.reader.members[m.key]
	if f.method != zip.Store || !m.layout.straight || m.layout.count == 0 || len(m.Shape) == 0 {
		return nil, nil
	}
	start, err := f.offset()
	if err != nil {
		return nil, m.reader.damaged(m.key, err)
	}
	slice := m.layout.count / m.layout.shape[0]
	return &Direct{
		m: m, offset: start + int64(f.size) - m.bytes, slice: slice,
		raw: make([]byte, slice*m.dtype.size),
	}, nil
}

// Read fills dst, which has the size of a slice, with slice i.
func (d *Direct) Read(i int, dst []float32) error {
	if count := d.m.layout.shape[0]; i < 0 || i >= count || len(dst) != d.slice {
		return fmt.Errorf("npz: slice %d of %d, of %d elements, into %d", i, count, d.slice, len(dst))
	}
	// A reader may return io.EOF with a full read that ends with the file.
	if n, err := d.m.reader.file.ReadAt(d.raw, d.offset+int64(i)*int64(len(d.raw))); n < len(d.raw) {
		return d.m.reader.damaged(d.m.key, noEOF(err))
	}
	return decode(dst, d.raw, d.m.dtype)
}

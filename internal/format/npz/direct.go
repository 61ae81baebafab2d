package npz

import (
	"archive/zip"
	"fmt"
)

// Direct gives slices along the leading axis of an array by their numbers, as float32, in memory for one slice. There is one
// for members that are stored, not deflated, and whose elements lie in the order of the slices. The archive's checksum is
// that of a whole member and is not compared: a Stream does that. It is for one goroutine.
type Direct struct {
	r      *Reader
	key    string
	dtype  dtype
	offset int64 // of the first element in the file
	count  int
	slice  int // elements of one slice
	raw    []byte
}

// Direct opens a real array of one axis or more; axes, when given, permutes its axes as numpy.transpose does. It is nil if
// the member cannot be read in this way.
func (r *Reader) Direct(key string, axes ...int) (*Direct, error) {
	return r.direct(key, dtype.real, wantReal, axes...)
}

// DirectPairs opens a complex array: each value is its real and its imaginary part.
func (r *Reader) DirectPairs(key string) (*Direct, error) {
	d, err := r.direct(key, dtype.complex, wantComplex)
	if d != nil {
		d.dtype.kind, d.dtype.size, d.slice = 'f', d.dtype.size/2, 2*d.slice
	}
	return d, err
}

func (r *Reader) direct(key string, accepts func(dtype) bool, expected string, axes ...int) (*Direct, error) {
	m, n, err := r.openAs(key, accepts, expected)
	if err != nil {
		return nil, err
	}
	m.body.Close()
	f := r.members[key]
	lay, err := layoutOf(m.Header, axes)
	if err != nil {
		return nil, r.fault(key, "shape "+shapeText(m.Shape), "", "", err)
	}
	if f.Method != zip.Store || !lay.straight || n == 0 || len(lay.shape) == 0 {
		return nil, nil
	}
	start, err := f.DataOffset()
	if err != nil {
		return nil, r.damaged(key, err)
	}
	header := int64(f.UncompressedSize64) - m.bytes
	return &Direct{r: r, key: key, dtype: m.dtype, offset: start + header, count: lay.shape[0], slice: n / lay.shape[0]}, nil
}

// Read fills dst, which has the size of a slice, with slice i.
func (d *Direct) Read(i int, dst []float32) error {
	if i < 0 || i >= d.count || len(dst) != d.slice {
		return fmt.Errorf("npz: slice %d of %d into %d elements, of which a slice has %d", i, d.count, len(dst), d.slice)
	}
	if d.raw == nil {
		d.raw = make([]byte, d.slice*d.dtype.size)
	}
	// A reader may say io.EOF of a full read that ends with the file.
	if n, err := d.r.file.ReadAt(d.raw, d.offset+int64(i)*int64(len(d.raw))); n < len(d.raw) {
		return d.r.damaged(d.key, noEOF(err))
	}
	if d.dtype.big {
		swap(d.raw, d.dtype.size)
	}
	return decodeReal(dst, d.raw, d.dtype)
}

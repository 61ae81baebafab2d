package npz

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"ptyx/internal/base/ndarray"
)

// chunkBytes is how much of a member is decoded at a time.
const chunkBytes = 256 << 10

const (
	wantReal    = "real numbers (bool, int8 to int64, uint8 to uint64, float32 or float64)"
	wantComplex = "complex values (complex64 or complex128)"
	wantNumeric = "real or complex numbers (float32, float64, complex64 or complex128)"
	wantWhole   = "whole numbers"
	wantText    = "a string"
)

// Float32 reads a real array of any width, byte order and memory order, converted to float32 in C order. axes, if
// given, permutes the axes as numpy.transpose does.
func (r *Reader) Float32(key string, axes ...int) (*ndarray.Float32, error) {
	return load(r, key, axes, dtype.real, wantReal, decode[float32])
}

// Float64s reads a real array as Float32 does, flattened in C order; Header has its shape.
func (r *Reader) Float64s(key string) ([]float64, error) {
	data, _, err := loadFlat(r, key, nil, dtype.real, wantReal, decode[float64])
	return data, err
}

// Int64s reads an array of whole numbers, integers or floats, flattened in C order; Header has its shape.
func (r *Reader) Int64s(key string) ([]int64, error) {
	data, _, err := loadFlat(r, key, nil, dtype.real, wantWhole, decodeWhole)
	return data, err
}

// Complex64 reads a complex array, or a real one with imaginary part 0, in C order.
func (r *Reader) Complex64(key string) (*ndarray.Complex64, error) {
	return load(r, key, nil, dtype.numeric, wantNumeric, decodeComplex)
}

// String reads a text array of one element.
func (r *Reader) String(key string) (string, error) {
	m, err := r.openAs(key, nil, dtype.text, wantText)
	if err != nil {
		return "", err
	}
	defer m.body.Close()
	if m.layout.count != 1 {
		return "", r.fault(key, fmt.Sprintf("%d strings", m.layout.count), "one", "", nil)
	}
	raw := make([]byte, m.bytes)
	if _, err := io.ReadFull(m.body, raw); err != nil {
		return "", r.damaged(key, noEOF(err))
	}
	return m.dtype.string(raw), m.finish()
}

// string decodes one text element, padded with zeros.
func (d dtype) string(raw []byte) string {
	if d.kind == 'S' {
		return strings.TrimRight(string(raw), "\x00")
	}
	if d.big {
		swap(raw, 4)
	}
	var b strings.Builder
	for ; len(raw) >= 4; raw = raw[4:] {
		b.WriteRune(rune(binary.LittleEndian.Uint32(raw)))
	}
	return strings.TrimRight(b.String(), "\x00")
}

// openAs opens a member and plans its layout. Before anything is allocated it refuses types that are not accepted, and
// compares the size that the header claims with the one in the archive's directory.
func (r *Reader) openAs(key string, axes []int, accepts func(dtype) bool, expected string) (*member, error) {
	m, err := r.open(key)
	if err != nil {
		return nil, err
	}
	refuse := func(fault error) (*member, error) {
		return nil, errors.Join(fault, m.body.Close())
	}
	if !accepts(m.dtype) {
		return refuse(r.fault(key, m.Describe(), expected, m.Remedy(), nil))
	}
	n, ok := elements(m.Shape, m.dtype.size)
	if !ok || int64(n)*int64(m.dtype.size) != m.bytes {
		return refuse(r.fault(
			key,
			fmt.Sprintf("%d bytes of data", m.bytes),
			fmt.Sprintf(
				"as many as shape %s of dtype %s needs",
				m.ShapeText(),
				m.Dtype,
			),
			"copy or write the file again",
			nil,
		))
	}
	if m.layout, err = layoutOf(m.Header, axes, n); err != nil {
		return refuse(r.fault(key, "shape "+m.ShapeText(), "", "", err))
	}
	return m, nil
}

// load reads a member into an array.
func load[T ndarray.Element](r *Reader, key string, axes []int, accepts func(dtype) bool, expected string,
	decode func([]T, []byte, dtype) error,
) (*ndarray.Array[T], error) {
	data, shape, err := loadFlat(r, key, axes, accepts, expected, decode)
	if err != nil {
		return nil, err
	}
	return ndarray.Wrap(data, shape...), nil
}

// loadFlat reads all of a member into C order of the permuted axes. Beyond the result it needs memory for one chunk.
func loadFlat[T any](r *Reader, key string, axes []int, accepts func(dtype) bool, expected string,
	decode func([]T, []byte, dtype) error,
) ([]T, []int, error) {
	m, err := r.openAs(key, axes, accepts, expected)
	if err != nil {
		return nil, nil, err
	}
	defer m.body.Close()
	data := make([]T, m.layout.count)
	for done := 0; done < len(data); {
		part := data[done:min(done+m.chunk(), len(data))]
		if !m.layout.straight {
			part = make([]T, len(part))
		}
		raw, err := m.read(len(part))
		if err != nil {
			return nil, nil, err
		}
		if err := decode(part, raw, m.dtype); err != nil {
			return nil, nil, r.fault(key, "values that do not fit", expected, "", err)
		}
		if !m.layout.straight {
			for _, v := range part {
				data[m.layout.next()] = v
			}
		}
		done += len(part)
	}
	return data, m.layout.shape, m.finish()
}

// chunk is the number of elements that are decoded at a time.
func (m *member) chunk() int { return max(1, min(m.layout.count, chunkBytes/m.dtype.size)) }

// read reads the bytes of the next k elements, at most a chunk; they stay until the next call.
func (m *member) read(k int) ([]byte, error) {
	if m.buffer == nil {
		m.buffer = make([]byte, m.chunk()*m.dtype.size)
	}
	raw := m.buffer[:k*m.dtype.size]
	if _, err := io.ReadFull(m.body, raw); err != nil {
		return nil, m.reader.damaged(m.key, noEOF(err))
	}
	return raw, nil
}

// finish reads the end of a body, where the archive's checksum is compared.
func (m *member) finish() error {
	var one [1]byte
	switch _, err := io.ReadFull(m.body, one[:]); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return m.reader.damaged(m.key, err)
	default:
		return m.reader.fault(
			m.key,
			"more data than the archive's directory tells",
			"",
			"copy or write the file again",
			nil,
		)
	}
}

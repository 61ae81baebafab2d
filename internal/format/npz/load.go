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
	wantNumeric = "real or complex numbers (float32, float64, complex64 or complex128)"
	wantWhole   = "whole numbers"
	wantText    = "a string"
)

// Float32 reads a real array of any width, byte order and memory order, converted to float32 in C order. axes, when
// given, permutes the axes as numpy.transpose does.
func (r *Reader) Float32(key string, axes ...int) (*ndarray.Float32, error) {
	data, shape, err := load(r, key, axes, dtype.real, wantReal, decodeReal[float32])
	if err != nil {
		return nil, err
	}
	return ndarray.Wrap(data, shape...), nil
}

// Float64s reads a real array as Float32 does, flattened in C order; its shape is Header's.
func (r *Reader) Float64s(key string) ([]float64, error) {
	data, _, err := load(r, key, nil, dtype.real, wantReal, decodeReal[float64])
	return data, err
}

// Int64s reads an array of whole numbers (floats that are whole, too), flattened in C order; its shape is Header's.
func (r *Reader) Int64s(key string) ([]int64, error) {
	data, _, err := load(r, key, nil, dtype.real, wantWhole, decodeInt)
	return data, err
}

// Complex64 reads a complex array, or a real one with imaginary part 0, in C order.
func (r *Reader) Complex64(key string) (*ndarray.Complex64, error) {
	data, shape, err := load(r, key, nil, dtype.numeric, wantNumeric, decodeComplex)
	if err != nil {
		return nil, err
	}
	return ndarray.Wrap(data, shape...), nil
}

// String reads a text array of one element.
func (r *Reader) String(key string) (string, error) {
	m, _, err := r.openAs(key, dtype.text, wantText)
	if err != nil {
		return "", err
	}
	defer m.body.Close()
	if n, _ := elements(m.Shape, 1); n != 1 {
		return "", r.fault(key, fmt.Sprintf("%d strings", n), "one", "", nil)
	}
	raw := make([]byte, m.bytes)
	if _, err := io.ReadFull(m.body, raw); err != nil {
		return "", r.damaged(key, noEOF(err))
	}
	if err := r.finish(m); err != nil {
		return "", err
	}
	return m.dtype.string(raw), nil
}

// string decodes one text element, padded with zeros.
func (d dtype) string(raw []byte) string {
	if d.kind == 'S' {
		return strings.TrimRight(string(raw), "\x00")
	}
	var b strings.Builder
	for ; len(raw) >= 4; raw = raw[4:] {
		if d.big {
			swap(raw[:4], 4)
		}
		b.WriteRune(rune(binary.LittleEndian.Uint32(raw)))
	}
	return strings.TrimRight(b.String(), "\x00")
}

// openAs opens a member, refuses types that are not accepted, and checks the size that its header claims against the
// size that the archive tells, before anything is allocated.
func (r *Reader) openAs(key string, accepts func(dtype) bool, expected string) (*member, int, error) {
	m, err := r.open(key)
	if err != nil {
		return nil, 0, err
	}
	if !accepts(m.dtype) {
		m.body.Close()
		return nil, 0, r.fault(key, describe(m.Dtype), expected, m.dtype.remedy(), nil)
	}
	n, ok := elements(m.Shape, m.dtype.size)
	if !ok || int64(n)*int64(m.dtype.size) != m.bytes {
		m.body.Close()
		return nil, 0, r.fault(key, fmt.Sprintf("%d bytes of data", m.bytes),
			fmt.Sprintf("as many as shape %s of dtype %s needs", shapeText(m.Shape), m.Dtype), "copy or write the file again", nil)
	}
	return m, n, nil
}

// load reads all of a member into C order of the permuted axes; beyond the result it needs memory for one chunk.
func load[T any](r *Reader, key string, axes []int, accepts func(dtype) bool, expected string,
	decode func([]T, []byte, dtype) error) ([]T, []int, error) {
	m, n, err := r.openAs(key, accepts, expected)
	if err != nil {
		return nil, nil, err
	}
	defer m.body.Close()
	lay, err := layoutOf(m.Header, axes)
	if err != nil {
		return nil, nil, r.fault(key, "shape "+shapeText(m.Shape), "", "", err)
	}
	data := make([]T, n)
	chunk := newChunk(m, n)
	for done := 0; done < n; {
		k := min(chunk.capacity, n-done)
		if lay.straight {
			err = chunk.read(r, k)
			if err == nil {
				err = r.decoded(key, expected, decode(data[done:done+k], chunk.raw, m.dtype))
			}
		} else {
			part := make([]T, k)
			err = chunk.read(r, k)
			if err == nil {
				err = r.decoded(key, expected, decode(part, chunk.raw, m.dtype))
			}
			for _, v := range part {
				data[lay.next()] = v
			}
		}
		if err != nil {
			return nil, nil, err
		}
		done += k
	}
	return data, lay.shape, r.finish(m)
}

// decoded puts a value that does not convert into words.
func (r *Reader) decoded(key, expected string, err error) error {
	if err == nil {
		return nil
	}
	return r.fault(key, "values that do not fit", expected, "", err)
}

// chunk reads raw elements in little-endian order.
type chunk struct {
	m        *member
	capacity int    // elements
	buf, raw []byte // raw is the part of buf that holds the last read
}

func newChunk(m *member, n int) *chunk {
	c := &chunk{m: m, capacity: max(1, min(n, chunkBytes/m.dtype.size))}
	c.buf = make([]byte, c.capacity*m.dtype.size)
	return c
}

// read fetches the next k elements.
func (c *chunk) read(r *Reader, k int) error {
	c.raw = c.buf[:k*c.m.dtype.size]
	if _, err := io.ReadFull(c.m.body, c.raw); err != nil {
		return r.damaged(c.m.key, noEOF(err))
	}
	if c.m.dtype.big {
		word := c.m.dtype.size
		if c.m.dtype.kind == 'c' {
			word /= 2
		}
		swap(c.raw, word)
	}
	return nil
}

// finish reads the end of a body, which is where the archive's checksum is compared.
func (r *Reader) finish(m *member) error {
	var one [1]byte
	switch _, err := io.ReadFull(m.body, one[:]); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return r.damaged(m.key, err)
	default:
		return r.fault(m.key, "more data than the archive's directory tells", "", "copy or write the file again", nil)
	}
}

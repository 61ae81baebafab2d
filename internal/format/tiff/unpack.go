package tiff

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"math"

	"golang.org/x/image/tiff/lzw"
)

// unpackers unpack a strip into size bytes, by the number of the compression in the file.
var unpackers = map[uint64]func(packed []byte, size int) ([]byte, error){
	1: func(packed []byte, _ int) ([]byte, error) { return packed, nil },
	5: func(packed []byte, size int) ([]byte, error) {
		r := lzw.NewReader(bytes.NewReader(packed), lzw.MSB, 8)
		defer r.Close()
		return exactly(r, size)
	},
	8:     inflate,
	32946: inflate,
}

func inflate(packed []byte, size int) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return exactly(r, size)
}

// exactly reads size bytes, and allocates no more than arrive.
func exactly(r io.Reader, size int) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err == nil && len(raw) < size {
		err = errors.New("a strip that is too short")
	}
	return raw, err
}

// integrate undoes the predictor of whole numbers: each pixel holds the difference to the one on its left.
func (s *Stack) integrate(raw []byte, rows int) {
	for r := range rows {
		row := raw[r*s.Width*s.pixel : (r+1)*s.Width*s.pixel]
		sum := uint64(0)
		for c := range s.Width {
			b := row[c*s.pixel : (c+1)*s.pixel]
			sum += s.number(b)
			switch s.pixel {
			case 1:
				b[0] = byte(sum)
			case 2:
				s.order.PutUint16(b, uint16(sum))
			case 4:
				s.order.PutUint32(b, uint32(sum))
			case 8:
				s.order.PutUint64(b, sum)
			}
		}
	}
}

// convert turns pixels of the file's type into float32.
func (s *Stack) convert(dst []float32, raw []byte) {
	kind := s.Dtype[1:]
	for i := range dst {
		v := s.number(raw[i*s.pixel : (i+1)*s.pixel])
		switch kind {
		case "f4":
			dst[i] = math.Float32frombits(uint32(v))
		case "f8":
			dst[i] = float32(math.Float64frombits(v))
		case "i1":
			dst[i] = float32(int8(v))
		case "i2":
			dst[i] = float32(int16(v))
		case "i4":
			dst[i] = float32(int32(v))
		case "i8":
			dst[i] = float32(int64(v))
		default:
			dst[i] = float32(v)
		}
	}
}

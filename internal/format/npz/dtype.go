package npz

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/x448/float16"
)

// dtype is a parsed numpy type string.
type dtype struct {
	kind byte // b bool, i integer, u unsigned, f float, c complex, U and S text, O Python object, V anything else
	size int  // bytes of one element; 0 for O
	big  bool // big-endian
}

// parseDtype reads a numpy type string. An unknown one has kind V.
func parseDtype(s string) dtype {
	var d dtype
	if s != "" {
		switch s[0] {
		case '>':
			d.big = true
			s = s[1:]
		case '<', '=', '|':
			s = s[1:]
		}
	}
	if s == "" {
		return dtype{kind: 'V'}
	}
	d.kind = s[0]
	n, err := strconv.ParseUint(s[1:], 10, 24)
	switch {
	case d.kind == 'O':
		return dtype{kind: 'O'}
	case err != nil:
		return dtype{kind: 'V'}
	}
	d.size = int(n)
	if d.kind == 'U' {
		d.size *= 4 // UTF-32
	}
	return d
}

// real reports whether elements are real numbers of a width that decode knows.
func (d dtype) real() bool {
	switch d.kind {
	case 'b':
		return d.size == 1
	case 'i', 'u':
		return d.size == 1 || d.size == 2 || d.size == 4 || d.size == 8
	case 'f':
		return d.size == 2 || d.size == 4 || d.size == 8
	}
	return false
}

// numeric reports whether elements are real or complex numbers.
func (d dtype) numeric() bool { return d.real() || d.complex() }

func (d dtype) complex() bool { return d.kind == 'c' && (d.size == 8 || d.size == 16) }

// text reports whether elements are strings.
func (d dtype) text() bool { return d.kind == 'U' || d.kind == 'S' }

// part is the type of the real and the imaginary part of a complex type.
func (d dtype) part() dtype { return dtype{'f', d.size / 2, d.big} }

// Real reports whether the member holds real numbers that the typed reads accept.
func (h Header) Real() bool { return parseDtype(h.Dtype).real() }

// Integer reports whether the member holds integers or booleans.
func (h Header) Integer() bool {
	d := parseDtype(h.Dtype)
	return d.real() && d.kind != 'f'
}

// Numeric reports whether the member holds real or complex numbers.
func (h Header) Numeric() bool { return parseDtype(h.Dtype).numeric() }

// Text reports whether the member holds strings.
func (h Header) Text() bool { return parseDtype(h.Dtype).text() }

// Pickled reports whether the member is a pickled Python object, which ptyx never decodes.
func (h Header) Pickled() bool { return parseDtype(h.Dtype).kind == 'O' }

// Describe names the contents of the member in an error.
func (h Header) Describe() string {
	contents := "values of"
	switch d := parseDtype(h.Dtype); {
	case d.kind == 'O':
		contents = "a pickled Python object"
	case d.text():
		contents = "text"
	case d.complex():
		contents = "complex values"
	default:
		return "values of dtype " + h.Dtype
	}
	return fmt.Sprintf("%s (dtype %s)", contents, h.Dtype)
}

// Remedy tells how to save the member so that ptyx can read it as real numbers; empty if nothing helps.
func (h Header) Remedy() string {
	switch parseDtype(h.Dtype).kind {
	case 'O':
		return "save it as a plain numeric array"
	case 'f':
		return "save it as float32 or float64"
	case 'c':
		return "save its real part, or its magnitude, as float32"
	}
	return ""
}

// ShapeText writes the shape as Python does.
func (h Header) ShapeText() string { return shapeText(h.Shape) }

// number is a type that decode converts real elements to.
type number interface{ float32 | float64 | int64 }

// decode converts len(dst) real elements of src, whose bytes it may reorder. Floats lose their fraction in an int64,
// and the largest unsigned integers become negative: decodeWhole refuses both.
func decode[T number](dst []T, src []byte, d dtype) error {
	if d.big {
		swap(src, d.size)
	}
	le := binary.LittleEndian
	switch (dtype{kind: d.kind, size: d.size}) {
	case dtype{kind: 'f', size: 2}:
		convert(dst, src, 2, func(b []byte) float32 { return float16.Frombits(le.Uint16(b)).Float32() })
	case dtype{kind: 'f', size: 4}:
		convert(dst, src, 4, func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) })
	case dtype{kind: 'f', size: 8}:
		convert(dst, src, 8, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) })
	case dtype{kind: 'u', size: 1}:
		convert(dst, src, 1, func(b []byte) uint8 { return b[0] })
	case dtype{kind: 'u', size: 2}:
		convert(dst, src, 2, le.Uint16)
	case dtype{kind: 'u', size: 4}:
		convert(dst, src, 4, le.Uint32)
	case dtype{kind: 'u', size: 8}:
		convert(dst, src, 8, le.Uint64)
	case dtype{kind: 'i', size: 1}:
		convert(dst, src, 1, func(b []byte) int8 { return int8(b[0]) })
	case dtype{kind: 'i', size: 2}:
		convert(dst, src, 2, func(b []byte) int16 { return int16(le.Uint16(b)) })
	case dtype{kind: 'i', size: 4}:
		convert(dst, src, 4, func(b []byte) int32 { return int32(le.Uint32(b)) })
	case dtype{kind: 'i', size: 8}:
		convert(dst, src, 8, func(b []byte) int64 { return int64(le.Uint64(b)) })
	case dtype{kind: 'b', size: 1}:
		convert(dst, src, 1, func(b []byte) uint8 { return min(b[0], 1) })
	}
	return nil
}

// convert reads len(dst) elements of size bytes.
func convert[S uint8 | uint16 | uint32 | uint64 | int8 | int16 | int32 | int64 | float32 | float64, T number](
	dst []T, src []byte, size int, read func([]byte) S,
) {
	for i := range dst {
		dst[i] = T(read(src[i*size:]))
	}
}

// swap makes big-endian words of the given size little-endian, in place.
func swap(b []byte, word int) {
	for word := range slices.Chunk(b, word) {
		slices.Reverse(word)
	}
}

// decodeWhole converts to int64. A value with a fraction, or outside of the range, is an error.
func decodeWhole(dst []int64, src []byte, d dtype) error {
	if d.kind == 'f' {
		values := make([]float64, len(dst))
		err := decode(values, src, d)
		for i, v := range values {
			if !(math.Trunc(v) == v && math.Abs(v) < 1<<63) {
				return fmt.Errorf("%v is not a whole number", v)
			}
			dst[i] = int64(v)
		}
		return err
	}
	err := decode(dst, src, d)
	for _, v := range dst {
		if d.kind == 'u' && v < 0 {
			return fmt.Errorf("%d does not fit a signed integer", uint64(v))
		}
	}
	return err
}

// decodeComplex converts complex elements, and real ones with imaginary part 0.
func decodeComplex(dst []complex64, src []byte, d dtype) error {
	if d.real() {
		values := make([]float32, len(dst))
		err := decode(values, src, d)
		for i, v := range values {
			dst[i] = complex(v, 0)
		}
		return err
	}
	parts := make([]float32, 2*len(dst))
	err := decode(parts, src, d.part())
	for i := range dst {
		dst[i] = complex(parts[2*i], parts[2*i+1])
	}
	return err
}

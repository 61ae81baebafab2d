package npz

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// dtype is a parsed numpy type string.
type dtype struct {
	kind byte // b bool, i integer, u unsigned, f float, c complex, U and S text, O Python object, V anything else
	size int  // bytes of one element; 0 for O
	big  bool // big-endian
}

// parseDtype reads numpy's type strings; what it does not know has kind V.
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

// real reports whether elements are real numbers of a width that decodeReal knows.
func (d dtype) real() bool {
	switch d.kind {
	case 'b':
		return d.size == 1
	case 'i', 'u':
		return d.size == 1 || d.size == 2 || d.size == 4 || d.size == 8
	case 'f':
		return d.size == 4 || d.size == 8
	}
	return false
}

// numeric reports whether elements are real or complex numbers.
func (d dtype) numeric() bool { return d.real() || d.complex() }

func (d dtype) complex() bool { return d.kind == 'c' && (d.size == 8 || d.size == 16) }

// text reports whether elements are strings.
func (d dtype) text() bool { return d.kind == 'U' || d.kind == 'S' }

// describe says what a member of type s holds, in the words of an error.
func describe(s string) string {
	switch d := parseDtype(s); {
	case d.kind == 'O':
		return fmt.Sprintf("a pickled Python object (dtype %s)", s)
	case d.text():
		return fmt.Sprintf("text (dtype %s)", s)
	case d.complex():
		return fmt.Sprintf("complex values (dtype %s)", s)
	default:
		return fmt.Sprintf("values of dtype %s", s)
	}
}

// remedy says how to make an array of a type that is not read into one that is.
func (d dtype) remedy() string {
	switch d.kind {
	case 'O':
		return "save it as a plain numeric array"
	case 'f':
		return "save it as float32 or float64"
	case 'c':
		return "save its real part, or its magnitude, as float32"
	}
	return ""
}

// swap makes big-endian words of the given size little-endian, in place.
func swap(b []byte, word int) {
	for ; len(b) >= word; b = b[word:] {
		for i, j := 0, word-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
}

// decodeReal converts len(dst) little-endian elements of src.
func decodeReal[T float32 | float64](dst []T, src []byte, d dtype) error {
	le := binary.LittleEndian
	switch {
	case d.kind == 'f' && d.size == 4:
		for i := range dst {
			dst[i] = T(math.Float32frombits(le.Uint32(src[4*i:])))
		}
	case d.kind == 'f':
		for i := range dst {
			dst[i] = T(math.Float64frombits(le.Uint64(src[8*i:])))
		}
	case d.kind == 'u' && d.size == 2: // detectors' own type
		for i := range dst {
			dst[i] = T(le.Uint16(src[2*i:]))
		}
	case d.kind == 'u' && d.size == 8:
		for i := range dst {
			dst[i] = T(le.Uint64(src[8*i:]))
		}
	default:
		for i := range dst {
			dst[i] = T(integer(src[d.size*i:], d))
		}
	}
	return nil
}

// integer reads one little-endian element of kind b, i or u; the largest unsigned ones wrap.
func integer(b []byte, d dtype) int64 {
	le := binary.LittleEndian
	switch {
	case d.kind == 'b':
		if b[0] != 0 {
			return 1
		}
		return 0
	case d.kind == 'u' && d.size == 1:
		return int64(b[0])
	case d.kind == 'u' && d.size == 2:
		return int64(le.Uint16(b))
	case d.kind == 'u' && d.size == 4:
		return int64(le.Uint32(b))
	case d.size == 1:
		return int64(int8(b[0]))
	case d.size == 2:
		return int64(int16(le.Uint16(b)))
	case d.size == 4:
		return int64(int32(le.Uint32(b)))
	default:
		return int64(le.Uint64(b))
	}
}

// decodeInt converts to int64; a value that is not a whole number of that range is an error.
func decodeInt(dst []int64, src []byte, d dtype) error {
	if d.kind == 'f' {
		for i := range dst {
			var v [1]float64
			if err := decodeReal(v[:], src[d.size*i:], d); err != nil {
				return err
			}
			if !(math.Trunc(v[0]) == v[0] && math.Abs(v[0]) < 1<<63) {
				return fmt.Errorf("%v is not a whole number", v[0])
			}
			dst[i] = int64(v[0])
		}
		return nil
	}
	for i := range dst {
		dst[i] = integer(src[d.size*i:], d)
		if d.kind == 'u' && dst[i] < 0 {
			return fmt.Errorf("%d does not fit a signed integer", uint64(dst[i]))
		}
	}
	return nil
}

// decodeComplex converts complex elements, and real ones with imaginary part 0.
func decodeComplex(dst []complex64, src []byte, d dtype) error {
	if d.real() {
		for i := range dst {
			var v [1]float32
			if err := decodeReal(v[:], src[d.size*i:], d); err != nil {
				return err
			}
			dst[i] = complex(v[0], 0)
		}
		return nil
	}
	part := dtype{kind: 'f', size: d.size / 2}
	for i := range dst {
		var v [2]float32
		if err := decodeReal(v[:], src[d.size*i:], part); err != nil {
			return err
		}
		dst[i] = complex(v[0], v[1])
	}
	return nil
}

// Real reports whether the member holds real numbers that the typed reads accept.
func (h Header) Real() bool { return parseDtype(h.Dtype).real() }

// Integer reports whether the member holds whole numbers by type.
func (h Header) Integer() bool {
	d := parseDtype(h.Dtype)
	return d.real() && d.kind != 'f'
}

// Numeric reports whether the member holds real or complex numbers.
func (h Header) Numeric() bool { return parseDtype(h.Dtype).numeric() }

// Text reports whether the member holds strings.
func (h Header) Text() bool { return parseDtype(h.Dtype).text() }

// Pickled reports whether the member is a pickled Python object, which nothing here decodes.
func (h Header) Pickled() bool { return parseDtype(h.Dtype).kind == 'O' }

// Describe says what the member holds, for a message.
func (h Header) Describe() string { return describe(h.Dtype) }

// Remedy says how to save it so that it can be read as real numbers, for a message; empty where nothing is known.
func (h Header) Remedy() string { return parseDtype(h.Dtype).remedy() }

// ShapeText writes the shape as Python does.
func (h Header) ShapeText() string { return shapeText(h.Shape) }

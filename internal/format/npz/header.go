package npz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode"

	"github.com/sbinet/npyio/npy"
)

// Header is the description of a member before its elements.
type Header struct {
	Dtype   string // numpy's type string, e.g. "<f4", ">u2", "|O", "<U12"; "|V" for a structured type
	Shape   []int  // empty for a 0-d array
	Fortran bool   // elements are in column-major order
}

// structured is the Dtype of types with named fields, whose elements this package does not read.
const structured = "|V"

// maxHeader bounds the header's text, in bytes. numpy itself refuses more than 10 000 characters from an untrusted
// file.
const maxHeader = 1 << 20

// readHeader reads the preamble of a .npy file (format versions 1 to 3) and leaves r at the first element. length is
// the number of bytes read.
func readHeader(r io.Reader) (h Header, length int64, err error) {
	start := make([]byte, 10, 256) // magic, version and the length of the text, little-endian
	if _, err := io.ReadFull(r, start[:8]); err != nil {
		return Header{}, 0, fmt.Errorf("reading the .npy preamble: %w", noEOF(err))
	}
	if !bytes.HasPrefix(start, npy.Magic[:]) {
		return Header{}, 0, errors.New("the member does not start with the .npy magic")
	}
	switch start[6] {
	case 1:
	case 2, 3: // version 3 differs from 2 only in that the text is UTF-8
		start = start[:12]
	default:
		return Header{}, 0, fmt.Errorf("unknown .npy version %d", start[6])
	}
	if _, err := io.ReadFull(r, start[8:]); err != nil {
		return Header{}, 0, fmt.Errorf("reading the .npy header length: %w", noEOF(err))
	}
	n := int64(binary.LittleEndian.Uint16(start[8:]))
	if len(start) == 12 {
		n = int64(binary.LittleEndian.Uint32(start[8:]))
	}
	if n > maxHeader {
		return Header{}, 0, fmt.Errorf("a .npy header of %d bytes", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return Header{}, 0, fmt.Errorf("reading the .npy header: %w", noEOF(err))
	}
	h, ok := parseNumpy(start, text)
	if !ok {
		h, err = parseLiteral(string(text))
	}
	return h, int64(len(start) + len(text)), err
}

// parseNumpy has npyio read a header as it stands. npyio finds the end of a value from the place of the next key, so
// any spelling but numpy's makes it panic or cut the shape. ok therefore reports that the result, written as numpy
// writes it, gives the same text.
func parseNumpy(start, text []byte) (h Header, ok bool) {
	defer func() {
		if recover() != nil {
			h, ok = Header{}, false
		}
	}()
	r, err := npy.NewReader(io.MultiReader(bytes.NewReader(start), bytes.NewReader(text)))
	if err != nil {
		return Header{}, false
	}
	d := r.Header.Descr
	for _, n := range d.Shape {
		if n < 0 {
			return Header{}, false
		}
	}
	h = Header{Dtype: d.Type, Shape: d.Shape, Fortran: d.Fortran}
	return h, isTypeString(h.Dtype) && h.literal() == string(bytes.TrimSpace(text))
}

// isTypeString reports whether text can be one of numpy's type strings. A faulty one goes into an error of one line.
func isTypeString(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("'\"{}", r)
	})
}

// literal is the header as the Python dictionary that numpy writes.
func (h Header) literal() string {
	order := "False"
	if h.Fortran {
		order = "True"
	}
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", h.Dtype, order, shapeText(h.Shape))
}

// parseLiteral reads a dictionary in any other spelling: keys in another order, double quotes, other blanks, structured
// types, and the L that Python 2 put behind long integers.
func parseLiteral(text string) (Header, error) {
	flat := strings.Join(strings.Fields(strings.ReplaceAll(text, `"`, "'")), "")
	value := func(key string) string {
		_, after, _ := strings.Cut(flat, "'"+key+"':")
		return after
	}
	refused := fmt.Errorf("a .npy header that is not numpy's: %.80q", strings.TrimSpace(text))
	var h Header
	switch descr := value("descr"); {
	case strings.HasPrefix(descr, "["), strings.HasPrefix(descr, "("):
		h.Dtype = structured
	case strings.HasPrefix(descr, "'"):
		h.Dtype, _, _ = strings.Cut(descr[1:], "'")
	}
	if !isTypeString(h.Dtype) {
		return Header{}, refused
	}
	order := value("fortran_order")
	h.Fortran = strings.HasPrefix(order, "True")
	dims, _, closed := strings.Cut(value("shape"), ")")
	if !h.Fortran && !strings.HasPrefix(order, "False") || !strings.HasPrefix(dims, "(") || !closed {
		return Header{}, refused
	}
	for dim := range strings.SplitSeq(dims[1:], ",") {
		if dim == "" { // behind the last comma
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSuffix(dim, "L"), 10, 63)
		if err != nil {
			return Header{}, refused
		}
		h.Shape = append(h.Shape, int(n))
	}
	return h, nil
}

// elements is the number of elements of a shape. ok is false if an array of elements of itemsize bytes does not fit the
// address space.
func elements(shape []int, itemsize int) (n int, ok bool) {
	total := uint64(1)
	for _, d := range shape {
		if d == 0 {
			return 0, true
		}
		hi, lo := bits.Mul64(total, uint64(d))
		if hi != 0 || d < 0 {
			return 0, false
		}
		total = lo
	}
	hi, size := bits.Mul64(total, uint64(itemsize))
	return int(total), hi == 0 && size <= math.MaxInt
}

// noEOF turns the end of the input inside a value into an unexpected one.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

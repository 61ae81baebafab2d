package npz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"regexp"
	"strings"

	"github.com/sbinet/npyio/npy"
)

// Header is what a member says about itself before its elements begin.
type Header struct {
	Dtype   string // numpy's type string, e.g. "<f4", ">u2", "|O", "<U12"; "|V" for a structured type
	Shape   []int  // empty for a 0-d array
	Fortran bool   // elements are in column-major order
}

// structured is the Dtype given to types with named fields; nothing here reads their elements.
const structured = "|V"

// maxHeader bounds the header's text. numpy itself refuses more than 10 000 characters from a file it does not trust.
const maxHeader = 1 << 20

// readHeader reads the preamble of a .npy file (format versions 1 to 3) and leaves r at the first element. length is
// the number of bytes read.
func readHeader(r io.Reader) (h Header, length int64, err error) {
	text, length, err := readHeaderText(r)
	if err != nil {
		return Header{}, length, err
	}
	h, err = parseHeader(text)
	return h, length, err
}

// readHeaderText returns the Python dictionary that follows magic, version and length.
func readHeaderText(r io.Reader) (text string, length int64, err error) {
	var preamble [8]byte
	if _, err := io.ReadFull(r, preamble[:]); err != nil {
		return "", 0, fmt.Errorf("reading the .npy preamble: %w", noEOF(err))
	}
	if !bytes.Equal(preamble[:6], npy.Magic[:]) {
		return "", 0, errors.New("the member does not start with the .npy magic")
	}
	var size [4]byte // little-endian; two bytes in version 1, four in versions 2 and 3
	width := 4
	switch preamble[6] {
	case 1:
		width = 2
	case 2, 3: // version 3 differs from 2 only in that the text is UTF-8
	default:
		return "", 0, fmt.Errorf("unknown .npy version %d", preamble[6])
	}
	if _, err := io.ReadFull(r, size[:width]); err != nil {
		return "", 0, fmt.Errorf("reading the .npy header length: %w", noEOF(err))
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n > maxHeader {
		return "", 0, fmt.Errorf("a .npy header of %d bytes", n)
	}
	buf := make([]byte, n)
	if _, err := io.ReadFull(r, buf); err != nil {
		return "", 0, fmt.Errorf("reading the .npy header: %w", noEOF(err))
	}
	return string(buf), int64(len(preamble) + width + len(buf)), nil
}

var (
	descrField   = regexp.MustCompile(`['"]descr['"]\s*:\s*(?:['"]([^'"]*)['"]|[\[(])`)
	fortranField = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	shapeField   = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([0-9L,\s]*)\)`)
)

// parseHeader reads the dictionary. npyio's parser trusts numpy's own spelling to the byte (order of the keys, blanks,
// the comma before the brace) and panics or misreads the shape otherwise, so the three fields are respelled for it.
func parseHeader(text string) (Header, error) {
	descr, fortran, shape := descrField.FindStringSubmatch(text), fortranField.FindStringSubmatch(text), shapeField.FindStringSubmatch(text)
	if descr == nil || fortran == nil || shape == nil {
		return Header{}, fmt.Errorf("a .npy header that is not numpy's: %.80q", strings.TrimSpace(text))
	}
	dtype := descr[1]
	if dtype == "" {
		dtype = structured
	}
	if strings.ContainsAny(dtype, "{}\n") {
		return Header{}, fmt.Errorf("a .npy header with the dtype %.40q", dtype)
	}
	// Python 2 wrote long integers with an L.
	spelled := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }\n",
		dtype, fortran[1], strings.Join(strings.Fields(strings.ReplaceAll(shape[1], "L", "")), ""))
	if len(spelled) > math.MaxUint16 {
		return Header{}, fmt.Errorf("a .npy header of %d bytes", len(spelled))
	}
	file := append(npy.Magic[:], 1, 0)
	file = binary.LittleEndian.AppendUint16(file, uint16(len(spelled)))
	file = append(file, spelled...)
	r, err := npy.NewReader(bytes.NewReader(file))
	if err != nil {
		return Header{}, fmt.Errorf("parsing the .npy header: %w", err)
	}
	d := r.Header.Descr
	return Header{Dtype: d.Type, Shape: d.Shape, Fortran: d.Fortran}, nil
}

// elements is the number of elements of a shape; ok is false when the array of elements of the given size would not fit
// the address space.
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

// noEOF turns a clean end of input in the middle of something into an unexpected one.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

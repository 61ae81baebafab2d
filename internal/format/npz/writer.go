package npz

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/sbinet/npyio/npy"

	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
)

// Member is one array to be written. Value is *ndarray.Float32, *ndarray.Complex64, *Slices, []float64, []int64, []int32, or,
// as a 0-d array, string, float64 or int64.
type Member struct {
	Key   string
	Value any
}

// Slices is a float32 array that is written part by part, as it comes, and so need not fit memory.
type Slices struct {
	Shape []int
	// Each hands the elements over in C order, in parts of any size; what put returns ends it.
	Each func(put func(part []float32) error) error
}

// write writes the elements, whose number must be that of the shape.
func (s *Slices) write(w *bufio.Writer) error {
	left := ndarray.Size(s.Shape)
	err := s.Each(func(part []float32) error {
		if left -= len(part); left < 0 {
			return fmt.Errorf("%d elements more than shape %v has", -left, s.Shape)
		}
		return writeAll(w, part, appendFloat32)
	})
	if err == nil && left != 0 {
		err = fmt.Errorf("%d elements of shape %v are missing", left, s.Shape)
	}
	return err
}

// Option changes how Write works.
type Option func(*options)

type options struct{ method uint16 }

// Stored writes members uncompressed, to be read faster from a fast disk.
func Stored(o *options) { o.method = zip.Store }

// Write makes an NPZ file of the members, in their order, deflated. It replaces path in one step when all is written,
// or leaves it as it was. The same members give the same bytes; numpy.load reads them without allow_pickle.
func Write(path string, members []Member, opts ...Option) error {
	return destination.Write(path, func(f *os.File) error { return writeTo(f, members, opts) })
}

// WriteTo writes the bytes that Write would to w.
func WriteTo(w io.Writer, members []Member, opts ...Option) error {
	if err := writeTo(w, members, opts); err != nil {
		return fmt.Errorf("writing arrays: %w", err)
	}
	return nil
}

// writeTo writes the archive.
func writeTo(w io.Writer, members []Member, opts []Option) error {
	o := options{method: zip.Deflate}
	for _, opt := range opts {
		opt(&o)
	}
	archive := zip.NewWriter(w)
	seen := make(map[string]bool)
	for _, m := range members {
		if m.Key == "" || seen[m.Key] {
			return fmt.Errorf("member %q: name empty or used twice", m.Key)
		}
		seen[m.Key] = true
		// The earliest time that a zip can tell, as numpy writes it: the clock has no place in a result.
		body, err := archive.CreateHeader(&zip.FileHeader{
			Name: m.Key + ".npy", Method: o.method, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC),
		})
		if err != nil {
			return fmt.Errorf("member %s: %w", m.Key, err)
		}
		buffered := bufio.NewWriterSize(body, 64<<10)
		err = writeArray(buffered, m.Value)
		if err == nil {
			err = buffered.Flush() // else it would say the same once more
		}
		if err != nil {
			return fmt.Errorf("member %s: %w", m.Key, err)
		}
	}
	return archive.Close()
}

// writeArray writes one .npy file.
func writeArray(w *bufio.Writer, value any) error {
	switch v := value.(type) {
	case *ndarray.Float32:
		writeHeader(w, "<f4", v.Shape)
		return writeAll(w, v.Data, appendFloat32)
	case *Slices:
		writeHeader(w, "<f4", v.Shape)
		return v.write(w)
	case *ndarray.Complex64:
		writeHeader(w, "<c8", v.Shape)
		return writeAll(w, v.Data, func(b []byte, x complex64) []byte {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(real(x)))
			return binary.LittleEndian.AppendUint32(b, math.Float32bits(imag(x)))
		})
	case []float64:
		writeHeader(w, "<f8", []int{len(v)})
		return writeAll(w, v, appendFloat64)
	case float64:
		writeHeader(w, "<f8", nil)
		return writeAll(w, []float64{v}, appendFloat64)
	case []int64:
		writeHeader(w, "<i8", []int{len(v)})
		return writeAll(w, v, appendInt64)
	case int64:
		writeHeader(w, "<i8", nil)
		return writeAll(w, []int64{v}, appendInt64)
	case []int32:
		writeHeader(w, "<i4", []int{len(v)})
		return writeAll(w, v, func(b []byte, x int32) []byte {
			return binary.LittleEndian.AppendUint32(b, uint32(x))
		})
	case string:
		runes := []rune(strings.ToValidUTF8(v, "�"))
		if len(runes) == 0 {
			runes = []rune{0} // numpy, too, gives an empty string the width 1
		}
		writeHeader(w, fmt.Sprintf("<U%d", len(runes)), nil)
		return writeAll(w, runes, func(b []byte, x rune) []byte {
			return binary.LittleEndian.AppendUint32(b, uint32(x))
		})
	default:
		return fmt.Errorf("no way to write a %T", value)
	}
}

func appendFloat32(b []byte, x float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
}

func appendFloat64(b []byte, x float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
}

func appendInt64(b []byte, x int64) []byte { return binary.LittleEndian.AppendUint64(b, uint64(x)) }

// writeAll writes elements; put appends one to the writer's free space.
func writeAll[T any](w *bufio.Writer, data []T, put func([]byte, T) []byte) error {
	for _, x := range data {
		if _, err := w.Write(put(w.AvailableBuffer(), x)); err != nil {
			return err
		}
	}
	return nil
}

// writeHeader writes the .npy preamble, format version 1, padded so that elements begin at a multiple of 64 bytes. An
// error stays in w and comes out with the elements.
func writeHeader(w *bufio.Writer, dtype string, shape []int) {
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", dtype, shapeText(shape))
	const before = 10 // magic, version, length
	pad := 64 - (before+len(text)+1)%64
	text += strings.Repeat(" ", pad%64) + "\n"
	_, _ = w.Write(append(npy.Magic[:], 1, 0))
	_, _ = w.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(text))))
	_, _ = w.WriteString(text)
}

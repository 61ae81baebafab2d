package npz

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sbinet/npyio/npy"

	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
)

// Member is one array to be written. Value is *ndarray.Float32, *ndarray.Complex64, *Slices, []float64, []int64,
// []int32, or, as a 0-d array, string, float64 or int64.
type Member struct {
	Key   string
	Value any
}

// Slices is a float32 array that is written part by part, and so need not fit memory.
type Slices struct {
	Shape []int
	// Each passes the elements to put in C order, in parts of any size. It returns the first error of put.
	Each func(put func(part []float32) error) error
}

// write writes the elements, whose number must be that of the shape.
func (s *Slices) write(w *bufio.Writer) error {
	left := ndarray.Size(s.Shape)
	err := s.Each(func(part []float32) error {
		if left -= len(part); left < 0 {
			return fmt.Errorf("%d elements more than shape %v has", -left, s.Shape)
		}
		return writeElements(w, part)
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

// Write makes an NPZ file of the members, in their order, deflated. It replaces path in one step or leaves it as it
// was. The same members give the same bytes; numpy.load reads them without allow_pickle.
func Write(path string, members []Member, opts ...Option) error {
	return destination.Write(path, func(f *os.File) error { return writeTo(f, members, opts) })
}

// WriteTo writes the bytes of Write's file to w.
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
		// The earliest time that a zip can hold, as numpy writes it: the same members give the same bytes.
		body, err := archive.CreateHeader(&zip.FileHeader{
			Name: m.Key + ".npy", Method: o.method, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC),
		})
		if err != nil {
			return fmt.Errorf("member %s: %w", m.Key, err)
		}
		buffered := bufio.NewWriterSize(body, 64<<10)
		if err = writeArray(buffered, m.Value); err == nil {
			err = buffered.Flush() // after an error it would repeat that error
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
		return writeAll(w, "<f4", v.Shape, v.Data)
	case *ndarray.Complex64:
		return writeAll(w, "<c8", v.Shape, v.Data)
	case *Slices:
		writeHeader(w, "<f4", v.Shape)
		return v.write(w)
	case []float64:
		return writeAll(w, "<f8", []int{len(v)}, v)
	case float64:
		return writeAll(w, "<f8", nil, []float64{v})
	case []int64:
		return writeAll(w, "<i8", []int{len(v)}, v)
	case int64:
		return writeAll(w, "<i8", nil, []int64{v})
	case []int32:
		return writeAll(w, "<i4", []int{len(v)}, v)
	case string:
		runes := []rune(strings.ToValidUTF8(v, "�"))
		if len(runes) == 0 {
			runes = []rune{0} // numpy, too, gives an empty string the width 1
		}
		return writeAll(w, fmt.Sprintf("<U%d", len(runes)), nil, runes)
	default:
		return fmt.Errorf("no way to write a %T", value)
	}
}

// writeAll writes an array, header and elements.
func writeAll[T any](w *bufio.Writer, dtype string, shape []int, data []T) error {
	writeHeader(w, dtype, shape)
	return writeElements(w, data)
}

// writeElements writes elements in parts, because encoding/binary copies its input.
func writeElements[T any](w *bufio.Writer, data []T) error {
	for part := range slices.Chunk(data, 2048) {
		b, err := binary.Append(w.AvailableBuffer(), binary.LittleEndian, part)
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// writeHeader writes the .npy preamble, format version 1, padded so that elements begin at a multiple of 64 bytes. An
// error stays in w and is returned with the elements.
func writeHeader(w *bufio.Writer, dtype string, shape []int) {
	text := Header{Dtype: dtype, Shape: shape}.literal()
	const before = 10 // magic, version, length
	pad := 64 - (before+len(text)+1)%64
	text += strings.Repeat(" ", pad%64) + "\n"
	_, _ = w.Write(append(npy.Magic[:], 1, 0))
	_, _ = w.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(text))))
	_, _ = w.WriteString(text)
}

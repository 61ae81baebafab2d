// Package npztest makes NPZ files for tests that npz.Write does not make: every dtype, byte order and memory order,
// false headers, pickled members. It shares no code with the reader that it tests.
package npztest

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/x448/float16"
)

// Array is a member of an NPZ file.
type Array struct {
	Key     string
	Dtype   string // "<f4", ">u2", "|O", ...
	Shape   []int
	Fortran bool
	Values  []complex128 // in C order; the imaginary part counts for complex types only
	Raw     []byte       // body in place of Values
	Version byte         // of the .npy format; 0 means 1
}

// Real makes an array of real values.
func Real(key, dtype string, values []float64, shape ...int) Array {
	a := Array{Key: key, Dtype: dtype, Shape: shape}
	for _, v := range values {
		a.Values = append(a.Values, complex(v, 0))
	}
	return a
}

// Pickled is a 0-d object array as numpy.savez writes for a None or a dictionary.
func Pickled(key string) Array { return Array{Key: key, Dtype: "|O", Raw: []byte("\x80\x04N.")} }

// Text is a 0-d unicode array.
func Text(key, s string) Array {
	a := Array{Key: key, Dtype: fmt.Sprintf("<U%d", len([]rune(s)))}
	for _, r := range s {
		a.Raw = binary.LittleEndian.AppendUint32(a.Raw, uint32(r))
	}
	return a
}

// NPY is the array as a .npy file.
func (a Array) NPY() []byte {
	shape := strings.Trim(strings.ReplaceAll(fmt.Sprint(a.Shape), " ", ", "), "[]")
	if len(a.Shape) == 1 {
		shape += ","
	}
	order := "False"
	if a.Fortran {
		order = "True"
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", a.Dtype, order, shape)
	return append(WithHeader(text, a.Version), a.body()...)
}

// WithHeader is a .npy preamble with the given dictionary.
func WithHeader(text string, version byte) []byte {
	text += "\n"
	b := []byte("\x93NUMPY")
	if version <= 1 {
		b = binary.LittleEndian.AppendUint16(append(b, 1, 0), uint16(len(text)))
	} else {
		b = binary.LittleEndian.AppendUint32(append(b, version, 0), uint32(len(text)))
	}
	return append(b, text...)
}

// body encodes the values in the order of the file.
func (a Array) body() []byte {
	if a.Raw != nil {
		return a.Raw
	}
	var b bytes.Buffer
	for i := range a.Values {
		a.encode(&b, a.Values[a.place(i)])
	}
	return b.Bytes()
}

// place is the index in C order of the i-th element of the file.
func (a Array) place(i int) int {
	if !a.Fortran {
		return i
	}
	index := make([]int, len(a.Shape))
	for k, d := range a.Shape { // the first axis is the fastest
		index[k], i = i%d, i/d
	}
	place := 0
	for k, d := range a.Shape {
		place = place*d + index[k]
	}
	return place
}

func (a Array) encode(b *bytes.Buffer, v complex128) {
	var order binary.ByteOrder = binary.LittleEndian
	if a.Dtype[0] == '>' {
		order = binary.BigEndian
	}
	var word any
	switch r := real(v); a.Dtype[1:] {
	case "b1":
		word = r != 0
	case "i1":
		word = int8(r)
	case "i2":
		word = int16(r)
	case "i4":
		word = int32(r)
	case "i8":
		word = int64(r)
	case "u1":
		word = uint8(r)
	case "u2":
		word = uint16(r)
	case "u4":
		word = uint32(r)
	case "u8":
		word = uint64(r)
	case "f2":
		word = float16.Fromfloat32(float32(r)).Bits()
	case "f4":
		word = float32(r)
	case "f8":
		word = r
	case "c8":
		word = complex64(v)
	case "c16":
		word = v
	default:
		panic("npztest: dtype " + a.Dtype)
	}
	if err := binary.Write(b, order, word); err != nil {
		panic(err)
	}
}

// Zip puts the arrays into an archive, with zip.Store or zip.Deflate.
func Zip(method uint16, arrays ...Array) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, a := range arrays {
		f, err := w.CreateHeader(&zip.FileHeader{Name: a.Key + ".npy", Method: method})
		if err == nil {
			_, err = f.Write(a.NPY())
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// File writes bytes to a file of a temporary folder and returns its path.
func File(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.npz")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

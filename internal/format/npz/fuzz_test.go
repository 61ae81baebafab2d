package npz

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"ptyx/internal/base/badinput"
)

// FuzzNPZ: every member of any file gives an array or a *badinput.Error, and the stream of a member that loads delivers
// the same elements. numpy made the seeds in testdata/fuzz.
func FuzzNPZ(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := NewReader("fuzz.npz", bytes.NewReader(content), int64(len(content)))
		if err != nil {
			mustBeTyped(t, err)
			return
		}
		for _, key := range append(r.Keys(), "absent") {
			_, err := r.Header(key)
			mustBeTyped(t, err)
			_, err = r.Float64s(key)
			mustBeTyped(t, err)
			_, err = r.Int64s(key)
			mustBeTyped(t, err)
			_, err = r.Complex64(key)
			mustBeTyped(t, err)
			_, err = r.String(key)
			mustBeTyped(t, err)
			array, err := r.Float32(key)
			mustBeTyped(t, err)
			if err == nil && len(array.Shape) > 0 {
				mustStream(t, r, key, array.Data)
			}
		}
	})
}

func mustBeTyped(t *testing.T, err error) {
	t.Helper()
	var fault *badinput.Error
	if err != nil && !errors.As(err, &fault) {
		t.Fatalf("an error of type %T: %v", err, err)
	}
}

// mustStream expects the elements of a member, bit for bit, slice by slice.
func mustStream(t *testing.T, r *Reader, key string, want []float32) {
	t.Helper()
	s, err := r.Stream(key)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	buf := make([]float32, max(s.slice, 1))
	for {
		n, err := s.Next(buf)
		if err == io.EOF && len(want) == 0 {
			return
		}
		if err != nil || n != 1 {
			t.Fatalf("%s: %d slices, %v, with %d elements to come", key, n, err, len(want))
		}
		for i, v := range buf[:s.slice] {
			if w := want[i]; v != w && (v == v || w == w) { // NaN equals NaN here
				t.Fatalf("%s: %v in the stream, %v in the array", key, v, w)
			}
		}
		want = want[s.slice:]
	}
}

// FuzzNPY: readHeader reads or refuses any .npy header, without a panic and without reading past its end. Its shape is
// one that an array can have.
func FuzzNPY(f *testing.F) {
	f.Add([]byte("\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (516, 64, 64), }     \n"))
	f.Add([]byte("\x93NUMPY\x02\x00\x46\x00\x00\x00{'descr': '|O', 'fortran_order': False, 'shape': (), }            " +
		"      \n"))
	f.Add([]byte("\x93NUMPY\x03\x00\x40\x00\x00\x00{'descr': [('é', '<f4')], 'fortran_order': True, 'shape': (2L,)}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		h, length, err := readHeader(bytes.NewReader(content))
		if err != nil {
			return
		}
		if length > int64(len(content)) {
			t.Fatalf("a header of %d bytes in a file of %d", length, len(content))
		}
		for _, d := range h.Shape {
			if d < 0 {
				t.Fatalf("shape %v", h.Shape)
			}
		}
		if n, ok := elements(h.Shape, 8); ok && (n < 0 || n > 1<<60) {
			t.Fatalf("%d elements of shape %v", n, h.Shape)
		}
	})
}

package npz

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/npz/npztest"
)

// open makes an archive and opens it.
func open(t *testing.T, method uint16, arrays ...npztest.Array) *Reader {
	t.Helper()
	return openBytes(t, npztest.Zip(method, arrays...))
}

func openBytes(t *testing.T, content []byte) *Reader {
	t.Helper()
	r, err := NewReader("scan.npz", bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ramp is 0, 1, 2, ...
func ramp(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(i)
	}
	return v
}

func TestFilesOfNumpy(t *testing.T) {
	for _, name := range []string{"numpy.npz", "numpy_compressed.npz"} {
		t.Run(name, func(t *testing.T) {
			r, err := Open(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for _, key := range r.Keys() {
				if _, err := r.Header(key); err != nil {
					t.Errorf("header of %s: %v", key, err)
				}
				order, dtype, ok := strings.Cut(key, "_")
				if !ok || len(order) != 1 {
					continue
				}
				checkRamp(t, r, key, strings.Contains(dtype, "c"))
			}
			checkOddMembers(t, r)
		})
	}
}

// checkRamp expects 0 to 23 in shape (2, 3, 4), times 1+0.5i if complex, whatever the stored type; b1 has 0 and ones.
func checkRamp(t *testing.T, r *Reader, key string, isComplex bool) {
	t.Helper()
	want := func(i int) float32 {
		if key == "c_b1" {
			return float32(min(i, 1))
		}
		return float32(i)
	}
	c, err := r.Complex64(key)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range c.Data {
		w := complex(want(i), 0)
		if isComplex {
			w = complex(float32(i), float32(i)/2)
		}
		if v != w { // small whole numbers and halves: exact in every type
			t.Fatalf("%s: element %d is %v, want %v", key, i, v, w)
		}
	}
	if isComplex {
		return
	}
	f, err := r.Float32(key)
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.Float64s(key)
	if err != nil {
		t.Fatal(err)
	}
	n, err := r.Int64s(key)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(f.Shape, []int{2, 3, 4}) {
		t.Fatalf("%s: shape %v", key, f.Shape)
	}
	for i := range f.Data {
		if w := want(i); f.Data[i] != w || d[i] != float64(w) || n[i] != int64(w) {
			t.Fatalf("%s: element %d is %v, %v, %v, want %v", key, i, f.Data[i], d[i], n[i], w)
		}
	}
}

func checkOddMembers(t *testing.T, r *Reader) {
	t.Helper()
	if v, err := r.Float64s("scalar"); err != nil || len(v) != 1 || v[0] != 1.5 {
		t.Errorf("scalar: %v, %v", v, err)
	}
	if v, err := r.Float32("empty"); err != nil || len(v.Data) != 0 || !slices.Equal(v.Shape, []int{0, 4}) {
		t.Errorf("empty: %v, %v", v, err)
	}
	for key, want := range map[string]string{"text": "Ångström 試料", "no_text": ""} {
		if v, err := r.String(key); err != nil || v != want {
			t.Errorf("%s: %q, %v, want %q", key, v, err, want)
		}
	}
	if h, err := r.Header("object"); err != nil || !h.Pickled() || len(h.Shape) != 0 {
		t.Errorf("object: %+v, %v", h, err)
	}
	if h, err := r.Header("record"); err != nil || h.Dtype != structured || !slices.Equal(h.Shape, []int{3}) {
		t.Errorf("record: %+v, %v", h, err)
	}
}

func TestEveryTypeOrderAndMethod(t *testing.T) {
	shape := []int{4, 2, 3}
	dtypes := "|b1 |i1 <i2 >i2 <i4 >i4 <i8 >i8 |u1 <u2 >u2 <u4 >u4 <u8 >u8 <f2 >f2 <f4 >f4 <f8 >f8"
	for dtype := range strings.FieldsSeq(dtypes) {
		for _, fortran := range []bool{false, true} {
			for _, method := range []uint16{zip.Store, zip.Deflate} {
				a := npztest.Real("a", dtype, ramp(24), shape...)
				a.Fortran = fortran
				f, err := open(t, method, a).Float32("a")
				if err != nil {
					t.Fatal(err)
				}
				for i, v := range f.Data {
					want := float32(i)
					if dtype == "|b1" {
						want = min(want, 1)
					}
					if v != want {
						t.Fatalf("%s fortran %v: element %d is %v, want %v", dtype, fortran, i, v, want)
					}
				}
			}
		}
	}
}

func TestAxes(t *testing.T) {
	// (h, w, m) holds 100 h + 10 w + m; the slices are wanted as (m, h, w).
	const h, w, m = 3, 2, 4
	var values []float64
	for i := range h * w * m {
		values = append(values, float64(100*(i/(w*m))+10*(i/m%w)+i%m))
	}
	for _, fortran := range []bool{false, true} {
		a := npztest.Real("a", "<u2", values, h, w, m)
		a.Fortran = fortran
		r := open(t, zip.Store, a)
		f, err := r.Float32("a", 2, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(f.Shape, []int{m, h, w}) {
			t.Fatalf("shape %v", f.Shape)
		}
		for i, v := range f.Data {
			if want := float32(100*(i/w%h) + 10*(i%w) + i/(h*w)); v != want {
				t.Fatalf("fortran %v: element %d is %v, want %v", fortran, i, v, want)
			}
		}
		if got := drain(t, r, h*w, 2, 0, 1); !slices.Equal(got, f.Data) {
			t.Errorf("fortran %v: the stream differs from the array", fortran)
		}
		for _, axes := range [][]int{{0, 1}, {0, 0, 1}, {0, 1, 3}, {-1, 0, 1}} {
			if _, err := r.Float32("a", axes...); err == nil {
				t.Errorf("axes %v were accepted", axes)
			}
		}
	}
}

// drain reads all of member a through a buffer of the given size.
func drain(t *testing.T, r *Reader, buffer int, axes ...int) []float32 {
	t.Helper()
	s, err := r.Stream("a", axes...)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var all []float32
	buf := make([]float32, buffer)
	for {
		n, err := s.Next(buf)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, buf[:n*s.slice]...)
	}
}

func TestStreamEqualsLoading(t *testing.T) {
	const m, size = 37, 48 // slices of 48 elements
	for _, fortran := range []bool{false, true} {
		a := npztest.Real("a", ">u4", ramp(m*size), m, 6, 8)
		a.Fortran = fortran
		r := open(t, zip.Deflate, a)
		want, err := r.Float32("a")
		if err != nil {
			t.Fatal(err)
		}
		for _, buffer := range []int{size, size + 5, 5 * size, m * size, 100 * size} {
			if got := drain(t, r, buffer); !slices.Equal(got, want.Data) {
				t.Errorf("fortran %v, buffer of %d: the stream differs from the array", fortran, buffer)
			}
		}
	}
}

func TestStreamRefusesSmallBuffer(t *testing.T) {
	s, err := open(t, zip.Store, npztest.Real("a", "<f4", ramp(8), 2, 4)).Stream("a")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Next(make([]float32, 3)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestHeaderSpellings(t *testing.T) {
	want := Header{Dtype: "<f4", Shape: []int{2, 3}, Fortran: true}
	for _, text := range []string{
		"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
		"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}",
		"{'shape': (2, 3), 'fortran_order': True, 'descr': '<f4'}",
		`{"descr":"<f4","fortran_order":True,"shape":(2,3)}`,
		"{'descr': '<f4', 'fortran_order': True, 'shape': (2L, 3L), }      ",
	} {
		for version := byte(1); version <= 3; version++ {
			h, _, err := readHeader(bytes.NewReader(npztest.WithHeader(text, version)))
			if err != nil || h.Dtype != want.Dtype || h.Fortran != want.Fortran || !slices.Equal(h.Shape, want.Shape) {
				t.Errorf("%s, version %d: %+v, %v", text, version, h, err)
			}
		}
	}
}

func TestFaults(t *testing.T) {
	good := npztest.Zip(zip.Store, npztest.Real("a", "<f4", ramp(12), 3, 4))
	body := bytes.Index(good, npztest.Real("a", "<f4", ramp(12), 3, 4).NPY())
	flipped := bytes.Clone(good)
	flipped[body+100]++
	array := func(a npztest.Array) []byte { a.Key = "a"; return npztest.Zip(zip.Deflate, a) }
	tests := []struct {
		name    string
		content []byte
		want    []string // parts of the sentence
	}{
		{"empty", nil, []string{"an empty file"}},
		{"not a zip", []byte("hello, world"), []string{"not a zip archive"}},
		{"single array", npztest.Real("a", "<f4", ramp(3), 3).NPY(), []string{"a single .npy array", "numpy.savez"}},
		{"truncated zip", good[:len(good)-30], []string{"truncated or damaged zip"}},
		{"flipped byte", flipped, []string{": a: ", "fails its checksum"}},
		{"missing key", npztest.Zip(zip.Store, npztest.Real("b", "<f4", ramp(3), 3)),
			[]string{": a: ", "only b, expected one"}},
		{"no key at all", npztest.Zip(zip.Store), []string{": a: ", "none at all, expected one"}},
		{"pickled", array(npztest.Pickled("a")),
			[]string{": a: ", "pickled Python object (dtype |O)", "plain numeric array"}},
		{"text", array(npztest.Text("a", "hello")), []string{": a: ", "text (dtype <U5)"}},
		{"complex", array(npztest.Array{Dtype: "<c8", Shape: []int{2}, Values: make([]complex128, 2)}),
			[]string{": a: ", "complex values (dtype <c8)", "expected real numbers"}},
		{"longdouble", array(npztest.Array{Dtype: "<f16", Shape: []int{2}, Raw: make([]byte, 32)}),
			[]string{": a: ", "dtype <f16", "float32", "; save it as float32 or float64"}},
		{"too short", array(npztest.Array{Dtype: "<f4", Shape: []int{3}, Raw: make([]byte, 8)}),
			[]string{": a: ", "8 bytes", "shape (3,) of dtype <f4"}},
		{"too long", array(npztest.Array{Dtype: "<f4", Shape: []int{3}, Raw: make([]byte, 20)}),
			[]string{": a: ", "20 bytes"}},
		{"huge", array(npztest.Array{Dtype: "<f4", Shape: []int{1 << 40, 1 << 10}, Raw: make([]byte, 8)}),
			[]string{": a: ", "8 bytes"}},
		{"overflowing", array(npztest.Array{Dtype: "<f8", Shape: []int{1 << 62, 1 << 62}, Raw: make([]byte, 8)}),
			[]string{": a: ", "8 bytes"}},
		{"overflowing to the true size",
			array(npztest.Array{Dtype: "<f8", Shape: []int{1 << 32, 1 << 32}, Raw: []byte{}}), []string{": a: "}},
		{"no header", rawMember("short"), []string{": a: "}},
		{"no magic", rawMember("this is no array at all"), []string{": a: ", ".npy magic"}},
		{"future version", rawMember("\x93NUMPY\x09\x00\x10\x00\x00\x00"), []string{": a: ", "version 9"}},
		{"long header", rawMember("\x93NUMPY\x02\x00\xff\xff\xff\xff"), []string{": a: ", "4294967295"}},
		{"cut header", rawMember("\x93NUMPY\x01\x00\xff\x00{'descr'"), []string{": a: ", "ends too early"}},
		{"no dictionary", rawMember(string(npztest.WithHeader("garbage", 1))), []string{": a: ", "garbage"}},
		{"dictionary without shape",
			rawMember(string(npztest.WithHeader("{'descr': '<f4', 'fortran_order': False}", 1))), []string{": a: "}},
		{"negative shape",
			rawMember(string(npztest.WithHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 1))),
			[]string{": a: ", "not numpy's"}},
		{"line break in the type",
			rawMember(string(npztest.WithHeader("{'descr': '<f4\nX', 'fortran_order': False, 'shape': (1,), }", 1))),
			[]string{": a: ", "<f4X"}},
		{"two types", rawMember(string(npztest.WithHeader(
			"{'descr': '<f4', 'descr': '<f9', 'fortran_order': False, 'shape': (1,), }", 1))), []string{": a: "}},
		{"control character in the type",
			rawMember(string(npztest.WithHeader("{'descr': '<f4\x1b', 'fortran_order': False, 'shape': (1,), }", 1))),
			[]string{": a: ", "not numpy's"}},
		{"no type", rawMember(string(npztest.WithHeader("{'descr': '', 'fortran_order': False, 'shape': (1,), }", 1))),
			[]string{": a: ", "not numpy's"}},
		{"shape beyond int",
			rawMember(string(npztest.WithHeader("{'descr': '<f4', 'fortran_order': False, 'shape': "+
				"(99999999999999999999,), }", 1))), []string{": a: "}},
		{"directory lies", directoryLies(good), []string{": a: ", "sizes"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := npztest.File(t, tt.content)
			for _, err := range []error{readAll(path), streamAll(path)} {
				var fault *badinput.Error
				if !errors.As(err, &fault) {
					t.Fatalf("got %v, want a *badinput.Error", err)
				}
				for _, part := range append(tt.want, path) {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%q does not say %q", err, part)
					}
				}
			}
		})
	}
}

// rawMember is an archive whose member a has this content.
func rawMember(content string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("a.npy")
	if err == nil {
		_, err = io.WriteString(f, content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// directoryLies makes the central directory claim an uncompressed size of nearly 4 GiB.
func directoryLies(archive []byte) []byte {
	archive = bytes.Clone(archive)
	at := bytes.Index(archive, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(archive[at+24:], 0xfffffff0)
	return archive
}

func readAll(path string) error {
	r, err := Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = r.Float32("a")
	return err
}

func streamAll(path string) error {
	r, err := Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	s, err := r.Stream("a")
	if err != nil {
		return err
	}
	defer s.Close()
	for buf := make([]float32, 4); err == nil; {
		_, err = s.Next(buf)
	}
	return err
}

func TestOpenFaults(t *testing.T) {
	for _, tt := range []struct{ path, want string }{
		{filepath.Join(t.TempDir(), "absent.npz"), "no such file"},
		{t.TempDir(), "found a directory, expected an NPZ file"},
		{"", "found an empty file name"},
	} {
		_, err := Open(tt.path)
		var fault *badinput.Error
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), tt.want) || fault.File != tt.path {
			t.Errorf("%v: want %q", err, tt.want)
		}
	}
}

func TestWholeNumbers(t *testing.T) {
	for _, tt := range []struct {
		dtype string
		value float64
		ok    bool
	}{{"<f8", 3, true}, {"<f8", 3.5, false}, {"<f4", 1e30, false}, {"<u8", 1 << 63, false}, {"<i8", -1 << 62, true}} {
		got, err := open(t, zip.Store, npztest.Real("a", tt.dtype, []float64{tt.value}, 1)).Int64s("a")
		if (err == nil) != tt.ok || tt.ok && got[0] != int64(tt.value) {
			t.Errorf("%s %v: %v, %v", tt.dtype, tt.value, got, err)
		}
	}
}

// TestStreamMemory: the total allocation of a stream does not depend on its length. The member is stored, because Go's
// inflater allocates new tables for every deflated block.
func TestStreamMemory(t *testing.T) {
	const m, slice = 2000, 32 * 32 // 8 MB of float32
	r := open(t, zip.Store, npztest.Real("a", "<f4", ramp(m*slice), m, 32, 32))
	buf := make([]float32, 8*slice)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := r.Stream("a")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	frames := 0
	for n := 0; err == nil; frames += n {
		n, err = s.Next(buf)
	}
	runtime.ReadMemStats(&after)
	if err != io.EOF || frames != m {
		t.Fatalf("%d slices, then %v", frames, err)
	}
	// One chunk, and 64 KiB for the header and readers.
	if got := after.TotalAlloc - before.TotalAlloc; got > chunkBytes+64<<10 {
		t.Errorf("streaming %d MB allocated %d bytes", m*slice*4>>20, got)
	}
}

func TestLastOfANameCounts(t *testing.T) {
	r := open(t, zip.Store, npztest.Real("a", "<f4", []float64{1}, 1), npztest.Real("b", "<f4", []float64{5}, 1),
		npztest.Real("a", "<f4", []float64{2}, 1))
	if !slices.Equal(r.Keys(), []string{"a", "b"}) {
		t.Errorf("keys %v", r.Keys())
	}
	if v, err := r.Float64s("a"); err != nil || v[0] != 2 {
		t.Errorf("got %v, %v", v, err)
	}
}

// The limits apply before anything is allocated: to archives of too many members, and to bodies that unpack to more
// than deflate can pack.
func TestLimits(t *testing.T) {
	var many bytes.Buffer
	z := zip.NewWriter(&many)
	for i := range 60_000 {
		if _, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%032d.npy", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := NewReader("many.npz", bytes.NewReader(many.Bytes()), int64(many.Len()))
	var fault *badinput.Error
	if !errors.As(err, &fault) || !strings.Contains(err.Error(), "members without end") {
		t.Errorf("60 000 members: %v", err)
	}

	// 64 MiB of zeros in 64 KiB are valid; a directory that claims more is refused.
	bomb := npztest.Zip(zip.Deflate,
		npztest.Array{Key: "a", Dtype: "<f4", Shape: []int{1 << 24}, Raw: make([]byte, 64<<20)})
	at := bytes.LastIndex(bomb, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(bomb[at+24:], 1<<30) // the unpacked size
	r, err := NewReader("bomb.npz", bytes.NewReader(bomb), int64(len(bomb)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Float32("a"); !errors.As(err, &fault) {
		t.Errorf("a bomb of another size than it says: %v", err)
	}
	short := npztest.Zip(zip.Deflate, npztest.Array{Key: "a", Dtype: "<f4", Shape: []int{4}, Raw: make([]byte, 64<<20)})
	if r, err = NewReader("short.npz", bytes.NewReader(short), int64(len(short))); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Float32("a"); !errors.As(err, &fault) {
		t.Errorf("64 MiB behind a header of 16 bytes: %v", err)
	}
}

package hdf5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5/hdf5test"
)

// testLibrary is the library of make lib. Without it the tests fail.
func testLibrary(t testing.TB) *Library {
	t.Helper()
	l, err := Load(hdf5test.Library())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// opened opens a file of testdata.
func opened(t testing.TB, name string) *File {
	t.Helper()
	f, err := testLibrary(t).Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func dataset(t testing.TB, f *File, path string) *Dataset {
	t.Helper()
	d, err := f.Dataset(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// pattern is the data of make_files.py.
func pattern(n int, of func(v float64) float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = of(float64(7 * i % 251))
	}
	return values
}

func same(v float64) float64 { return v }

func eighth(v float64) float64 { return math.Floor(v / 32) }

func TestTypes(t *testing.T) {
	f := opened(t, "types.h5")
	unsigned := func(v float64) float64 { return math.Mod(v, 100) }
	signed := func(v float64) float64 { return unsigned(v) - 50 }
	quarter := func(v float64) float64 { return unsigned(v) / 4 }
	for _, tc := range []struct {
		name, numpy string
		value       func(v float64) float64
	}{
		{"u1", "|u1", unsigned}, {"i2", "<i2", signed}, {"u2", "<u2", unsigned}, {"big-u2", ">u2", unsigned},
		{"i4", "<i4", signed},
		{"u4", "<u4", unsigned}, {"i8", "<i8", signed}, {"u8", "<u8", unsigned}, {"f2", "<f2", quarter},
		{"f4", "<f4", quarter},
		{"big-f4", ">f4", quarter}, {"f8", "<f8", quarter},
		{"bool", "|i1", func(v float64) float64 { return math.Mod(v, 2) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := dataset(t, f, "/types/"+tc.name)
			if d.Type.Numpy() != tc.numpy || !slices.Equal(d.Shape, []int{2, 3, 4}) {
				t.Errorf("type %s, shape %v", d.Type.Numpy(), d.Shape)
			}
			want := pattern(24, tc.value)
			got, err := d.Float64s()
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%v, want %v (%v)", got, want, err)
			}
			row := make([]float32, 12)
			if err := d.Rows(row, 1, 1); err != nil {
				t.Fatal(err)
			}
			for i, v := range row {
				if float64(v) != want[12+i] {
					t.Errorf("second row: %v at %d, want %v", v, i, want[12+i])
				}
			}
			whole := tc.numpy[1] != 'f'
			if ints, err := d.Int64s(); (err == nil) != whole || whole && float64(ints[5]) != want[5] {
				t.Errorf("as whole numbers: %v, %v", ints, err)
			}
		})
	}
}

func TestComplexTypes(t *testing.T) {
	f := opened(t, "types.h5")
	for _, name := range []string{"c8", "c16", "real_imag", "native_complex"} {
		d := dataset(t, f, "types/"+name)
		got, err := d.Complex64()
		if err != nil || d.Type.Class != Complex {
			t.Fatalf("%s: class %v, %v", name, d.Type.Class, err)
		}
		for i, v := range pattern(6, same) {
			if want := complex(float32(v), -float32(v)); got.Data[i] != want {
				t.Errorf("%s: %v at %d, want %v", name, got.Data[i], i, want)
			}
		}
	}
	if got, err := dataset(t, f, "types/u2").Complex64(); err != nil || got.Data[1] != 7 {
		t.Errorf("real numbers as complex ones: %v, %v", got, err)
	}
	if _, err := dataset(t, f, "types/c8").Float32(); err == nil ||
		!strings.Contains(err.Error(), "found complex values, expected real numbers") {
		t.Errorf("complex numbers as real ones: %v", err)
	}
	_, err := dataset(t, f, "types/structure").Complex64()
	if err == nil || !strings.Contains(err.Error(), "found structures with members [x n]") {
		t.Errorf("a structure as complex numbers: %v", err)
	}
}

func TestTextsScalarsAndAttributes(t *testing.T) {
	f := opened(t, "types.h5")
	for path, want := range map[string]string{"text/variable": "grüße", "text/fixed": "hello"} {
		if got, err := dataset(t, f, path).Text(); err != nil || got != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	for path, want := range map[string]float64{"scalar/float": 1.5, "scalar/int": 7, "scalar/one": 2.5} {
		if got, err := dataset(t, f, path).Float64s(); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
	if d := dataset(t, f, "none"); !slices.Equal(d.Shape, []int{0, 4}) {
		t.Errorf("an empty dataset: %v", d.Shape)
	} else if got, err := d.Float64s(); err != nil || len(got) != 0 {
		t.Errorf("an empty dataset: %v, %v", got, err)
	}
	for name, want := range map[string]float64{"float": 1.25, "int": 3, "one": 4} {
		if got, present, err := f.AttributeFloat("group", name); got != want || !present || err != nil {
			t.Errorf("attribute %s: %v, %v, %v", name, got, present, err)
		}
	}
	for name, want := range map[string]string{"text": "grüße", "bytes": "old"} {
		if got, present, err := f.AttributeText("/group", name); got != want || !present || err != nil {
			t.Errorf("attribute %s: %q, %v, %v", name, got, present, err)
		}
	}
	if _, present, err := f.AttributeFloat("group", "absent"); present || err != nil {
		t.Errorf("an absent attribute: %v, %v", present, err)
	}
	if names, err := f.Names("group/deep"); err != nil || !slices.Equal(names, []string{"data"}) {
		t.Errorf("names %v, %v", names, err)
	}
}

func TestFilters(t *testing.T) {
	f := opened(t, "packed.h5")
	for _, name := range []string{"gzip", "gzip-shuffle", "lzf", "lzf-shuffle", "fletcher32"} {
		if got, err := dataset(t, f, name).Float64s(); err != nil || !slices.Equal(got, pattern(5*16*16, eighth)) {
			t.Errorf("%s: %v, %v", name, got[:min(20, len(got))], err)
		}
	}
	noise, err := dataset(t, f, "plain-noise").Float64s()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := dataset(t, f, "lzf-noise").Float64s(); err != nil || !slices.Equal(got, noise) {
		t.Errorf("lzf-noise differs, %v", err)
	}
	if got, err := dataset(t, f, "lzf-zeros").Float64s(); err != nil || !slices.Equal(got, make([]float64, 2*64*64)) {
		t.Errorf("lzf-zeros differs, %v", err)
	}
}

// TestFiltersOfDetectors: bitshuffle, lz4, zstd and bzip2, as hdf5plugin writes them.
func TestFiltersOfDetectors(t *testing.T) {
	f := opened(t, "filters.h5")
	for _, filter := range []string{"bitshuffle", "bitshuffle-plain", "bitshuffle-zstd", "lz4", "zstd", "bzip2"} {
		for _, kind := range []string{"u1", "u2", "u4"} {
			d := dataset(t, f, filter+"/"+kind)
			if got, err := d.Float64s(); err != nil || !slices.Equal(got, pattern(6*17*19, eighth)) {
				t.Errorf("%s of %s: %v, %v", filter, kind, got[:min(20, len(got))], err)
			}
		}
	}
	if d := dataset(t, f, "blank"); !slices.Equal(d.Shape, []int{80, 1024, 1024}) {
		t.Errorf("frames of zeros: shape %v", d.Shape)
	}
}

// TestShortChunk: a chunk that unpacks to fewer bytes than the library copies is an error, and so is a panic.
func TestShortChunk(t *testing.T) {
	l := testLibrary(t)
	defer l.enter()()
	double := func(dst, packed []byte, _ []uint32, most int) ([]byte, error) {
		return append(append(dst[:0], packed...), packed...), nil
	}
	broken := func(dst, packed []byte, _ []uint32, most int) ([]byte, error) { return packed[:len(packed)+1], nil }
	defer func() { chunk.exact = false }()
	chunk.bytes, chunk.exact = 6, true
	for packed, want := range map[string]string{"abc": "abcabc", "ab": ""} {
		if got := l.unpackChunk(double, []byte(packed), nil); string(got) != want {
			t.Errorf("%q became %q, want %q", packed, got, want)
		}
	}
	if got := l.unpackChunk(broken, make([]byte, 1), nil); got != nil {
		t.Errorf("a decoder that panics gave %q", got)
	}
}

// TestRefusals: data outside of the file, and data that cannot be read, are errors of one sentence.
func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		file, path string
		want       []string
	}{
		{"packed.h5", "blosc",
			[]string{"data packed by the filter blosc (32001)", "repack the file", "HDF5_PLUGIN_PATH"}},
		{"packed.h5", "unknown", []string{"data packed by the filter", "(31999)"}},
		{"links.h5", "external/below", []string{"external/below: found nothing of this name"}},
		{"links.h5", "outside", []string{"outside: found a dataset whose values lie in another file"}},
		{"links.h5", "ring-a", []string{"found soft links in a ring"}},
		{"links.h5", "dangling", []string{"dangling: found nothing of this name"}},
		{"links.h5", "real", []string{"real: found a group, expected a dataset"}},
		{"links.h5", "real/data/below", []string{"found nothing of this name"}},
	} {
		t.Run(tc.path, func(t *testing.T) {
			f := opened(t, tc.file)
			_, err := f.Dataset(tc.path)
			var bad *badinput.Error
			if !errors.As(err, &bad) {
				t.Fatalf("a %T: %v", err, err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
		})
	}
}

func TestLinks(t *testing.T) {
	f := opened(t, "links.h5")
	for _, path := range []string{"soft", "group-link/data", "real/relative", "twice", "/real//data/", "real/../soft"} {
		if got, err := dataset(t, f, path).Float64s(); err != nil || !slices.Equal(got, pattern(4, same)) {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
	for path, want := range map[string]bool{"soft": true, "real": true, "dangling": false, "absent/below": false,
		"/": true} {
		if got, err := f.Has(path); got != want || err != nil {
			t.Errorf("Has(%s): %v, %v", path, got, err)
		}
	}
}

func TestNoFile(t *testing.T) {
	whole, err := os.ReadFile("testdata/packed.h5")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "absent.h5"): "found no such file",
		dir:                             "found a directory",
		file("text.h5", []byte("This is no HDF5.")): "found a file that HDF5 cannot open",
		file("cut.h5", whole[:len(whole)/2]):        "truncated file",
		file("start.h5", whole[:20]):                "found a file that HDF5 cannot open",
	} {
		_, err := testLibrary(t).Open(path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// TestDamagedChunk: a chunk that lzf did not write is an error, not zeros.
func TestDamagedChunk(t *testing.T) {
	whole, err := os.ReadFile("testdata/packed.h5")
	if err != nil {
		t.Fatal(err)
	}
	// Two literal zeros and a reference begin the first chunk: make of them a reference to before the beginning.
	damaged := strings.Replace(string(whole), "\x01\x00\x00\xc0\x00\x00\x01\xe0", "\xff\xff\xff\xff\xff\xff\xff\xff", 1)
	if damaged == string(whole) {
		t.Fatal("no chunk of lzf found to damage")
	}
	path := filepath.Join(t.TempDir(), "damaged.h5")
	if err := os.WriteFile(path, []byte(damaged), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := testLibrary(t).Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := dataset(t, f, "lzf").Float64s(); err == nil ||
		!strings.Contains(err.Error(), "lzf: found data that cannot be read") {
		t.Errorf("a damaged chunk: %v", err)
	}
}

func TestUnpackLZF(t *testing.T) {
	for _, tc := range []struct{ name, packed, want string }{
		{"nothing", "", ""},
		{"literals", "\x02abc", "abc"},
		{"a reference", "\x02abc\x20\x02", "abcabc"},
		{"one that overlaps what it makes", "\x00a\xe0\x05\x00", "a" + strings.Repeat("a", 14)},
	} {
		got, err := unpackLZF([]byte(tc.packed), 0)
		if err != nil || string(got) != tc.want {
			t.Errorf("%s: %q, %v", tc.name, got, err)
		}
	}
	for _, packed := range []string{"\x02ab", "\x20", "\xe0", "\xe0\x00", "\x20\x00", "\x00a\x20\x01", "\x1f"} {
		if got, err := unpackLZF([]byte(packed), 0); err == nil {
			t.Errorf("%q was read as %q", packed, got)
		}
	}
}

func FuzzUnpackLZF(f *testing.F) {
	f.Add([]byte("\x02abc\x20\x02\xe0\x05\x00"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		if out, err := unpackLZF(packed, 0); err == nil && len(out) > 88*len(packed) {
			t.Errorf("%d bytes became %d", len(packed), len(out))
		}
	})
}

func TestWriteAndReadBack(t *testing.T) {
	l := testLibrary(t)
	image := ndarray.New[float32](3, 40, 50)
	for i := range image.Data {
		image.Data[i] = float32(i) / 8
	}
	object := ndarray.New[complex64](7, 9)
	for i := range object.Data {
		object.Data[i] = complex(float32(i), -1)
	}
	fill := func(w *Writer) error {
		return errors.Join(
			w.Put("entry/image", image), w.Put("object", object),
			w.Put("mask", &Unsigned{Shape: []int{2}, Data: []uint32{1 << 31, 3}}),
			w.Put("x", []float64{1, 2.5}), w.Put("index", []int64{-1, 2}), w.Put("empty", []float64{}),
			w.Put("version", int64(160)), w.Put("energy", 1.5e-15),
			w.Put("title", "grüße"), w.Group("entry/group"), w.Link("entry/soft", "/entry/image"),
			w.Attribute("/", "name", "n"), w.Attribute("object", "pixel", 2e-8),
			w.Attribute("object", "count", int64(5)),
			w.PutRows("rows", []int{3, 40, 50}, func(r *Rows) error {
				return errors.Join(r.Append(image.Data[:2000]), r.Append(image.Data[2000:]))
			}),
		)
	}
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.h5"), filepath.Join(dir, "second.h5")
	for _, path := range []string{first, second} {
		if err := l.Create(path, fill); err != nil {
			t.Fatal(err)
		}
	}
	a, _ := os.ReadFile(first)
	b, _ := os.ReadFile(second)
	if len(a) == 0 || !slices.Equal(a, b) {
		t.Errorf("the same data gave other bytes: %d, %d", len(a), len(b))
	}
	f, err := l.Open(first)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, path := range []string{"entry/image", "entry/soft", "rows"} {
		if got, err := dataset(t, f, path).Float32(); err != nil || !slices.Equal(got.Data, image.Data) ||
			!slices.Equal(got.Shape, image.Shape) {
			t.Errorf("%s differs, %v", path, err)
		}
	}
	if got, err := dataset(t, f, "object").Complex64(); err != nil || !slices.Equal(got.Data, object.Data) {
		t.Errorf("object differs, %v", err)
	}
	if got, err := dataset(t, f, "mask").Int64s(); err != nil || !slices.Equal(got, []int64{1 << 31, 3}) {
		t.Errorf("mask %v, %v", got, err)
	}
	if got, err := dataset(t, f, "title").Text(); err != nil || got != "grüße" {
		t.Errorf("title %q, %v", got, err)
	}
	if got, _, err := f.AttributeText("/", "name"); err != nil || got != "n" {
		t.Errorf("name %q, %v", got, err)
	}
	if got, _, err := f.AttributeFloat("object", "pixel"); err != nil || got != 2e-8 {
		t.Errorf("pixel %v, %v", got, err)
	}
}

// TestCreateLeavesNothing: a failed Create leaves the folder as it was.
func TestCreateLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.h5")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	l := testLibrary(t)
	err := l.Create(path, func(w *Writer) error {
		return errors.Join(w.Put("x", []float64{1}), errors.New("no more"))
	})
	if err == nil || !strings.Contains(err.Error(), "no more") {
		t.Errorf("%v", err)
	}
	if err := l.Create(path,
		func(w *Writer) error { return errors.Join(w.Put("x", 1.0), w.Put("x", 1.0)) }); err == nil {
		t.Error("a name used twice passes")
	}
	err = l.Create(path, func(w *Writer) error {
		return w.PutRows("rows", []int{2, 3}, func(r *Rows) error { return r.Append(make([]float32, 3)) })
	})
	if err == nil || !strings.Contains(err.Error(), "1 slices written of 2") {
		t.Errorf("%v", err)
	}
	entries, _ := os.ReadDir(dir)
	if old, _ := os.ReadFile(path); len(entries) != 1 || string(old) != "old" {
		t.Errorf("%d files, %q", len(entries), old)
	}
}

func TestLoadNamed(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "libhdf5.so")
	if err := os.WriteFile(text, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "absent"): "found no such file",
		t.TempDir():                  "found a folder without libhdf5",
		text:                         "found a library that cannot be used",
	} {
		_, err := Load(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--hdf5") {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// A shape that the file cannot hold is refused before anything is allocated.
func TestImplausibleShapes(t *testing.T) {
	l := testLibrary(t)
	path := filepath.Join(t.TempDir(), "shape.h5")
	a := ndarray.New[float32](3, 5, 7)
	if err := l.Create(path, func(w *Writer) error { return w.Put("a", a) }); err != nil {
		t.Fatal(err)
	}
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dims := func(n ...uint64) (b []byte) {
		for _, v := range n {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
		return b
	}
	if bytes.Count(sound, dims(3, 5, 7)) == 0 {
		t.Fatal("the shape is not where it is looked for")
	}
	for _, shape := range [][]uint64{{1 << 40, 5, 7}, {1 << 27, 1, 1}, {1 << 47, 1 << 47, 1 << 47}, {1<<64 - 1, 5, 7},
		{1 << 22, 1 << 21, 1 << 21}} {
		if err := os.WriteFile(path, bytes.ReplaceAll(sound, dims(3, 5, 7), dims(shape...)), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, open := range openings(l) {
			f, err := open(path)
			if err == nil {
				var d *Dataset
				if d, err = f.Dataset("a"); err == nil && name == "growing" {
					_, err = d.Float32()
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
			var fault *badinput.Error
			if !errors.As(err, &fault) {
				t.Errorf("%s, shape %v: %v", name, shape, err)
			}
		}
	}
}

// openings are the ways to open a file.
func openings(l *Library) map[string]func(path string) (*File, error) {
	return map[string]func(path string) (*File, error){
		"complete": func(path string) (*File, error) { return l.Open(path) },
		"growing": func(path string) (*File, error) {
			f, _, err := l.OpenGrowing(path)
			return f, err
		},
	}
}

// TestLargeGrowingDatasets: datasets above 256 MiB are read by rows from a file that grows, whether all of them is
// there or only their first rows.
func TestLargeGrowingDatasets(t *testing.T) {
	l := testLibrary(t)
	path := filepath.Join(t.TempDir(), "large.h5")
	const n, side = 1100, 256 // 275 MiB of float32
	row := slices.Repeat([]float32{7}, side*side)
	if err := l.Create(path, func(w *Writer) error {
		// Without the other rows, PutRows complains of what the writer of a growing file will do later.
		_ = w.PutRows("begun", []int{100 * n, side, side}, func(r *Rows) error { return r.Append(row) })
		return w.PutRows("full", []int{n, side, side}, func(r *Rows) (err error) {
			for i := 0; i < n && err == nil; i++ {
				err = r.Append(row)
			}
			return err
		})
	}); err != nil {
		t.Fatal(err)
	}
	f, _, err := l.OpenGrowing(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range []string{"full", "begun"} {
		d, err := f.Dataset(name)
		if err != nil {
			t.Error(err)
			continue
		}
		got := make([]float32, len(row))
		if err := d.Rows(got, 0, 1); err != nil || !slices.Equal(got, row) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

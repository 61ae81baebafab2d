package hdf5

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

// TestVirtual compares virtual datasets with what h5py and the library itself read of them.
func TestVirtual(t *testing.T) {
	f := opened(t, "virtual/virtual.h5")
	names, err := f.Names("expected")
	if err != nil || len(names) < 16 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, name := range names {
		expected, d := dataset(t, f, "expected/"+name), dataset(t, f, name)
		want, err := expected.Float32()
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Float32()
		if err != nil || !slices.Equal(got.Data, want.Data) || !slices.Equal(d.Shape, expected.Shape) {
			t.Errorf("%s: %v, want %v, %v", name, got, want, err)
			continue
		}
		if doubles, err := d.Float64s(); err != nil || float32(doubles[len(doubles)-1]) != want.Data[len(doubles)-1] {
			t.Errorf("%s in double precision: %v", name, err)
		}
		size := ndarray.Size(d.Shape[1:])
		for first := range d.Shape[0] {
			for count := 1; first+count <= d.Shape[0]; count++ {
				rows := slices.Repeat([]float32{-1}, count*size)
				if err := d.Rows(rows, first, count); err != nil ||
					!slices.Equal(rows, want.Data[first*size:(first+count)*size]) {
					t.Errorf("%s, rows %d of %d: %v, %v", name, first, count, rows, err)
				}
			}
		}
		if spans, files := d.Lost(min(2, len(d.Shape)-1)); len(spans)+len(files) != 0 {
			t.Errorf("%s: %v of %v are lost", name, spans, files)
		}
	}
}

// TestSlabs compares blocks of virtual datasets with those of the same values in a plain one.
func TestSlabs(t *testing.T) {
	f := opened(t, "virtual/virtual.h5")
	for _, name := range []string{"raster", "channels", "modules", "columns"} {
		plain, d := dataset(t, f, "expected/"+name), dataset(t, f, name)
		for axis, n := range d.Shape {
			start, count := make([]int, len(d.Shape)), slices.Clone(d.Shape)
			start[axis], count[axis] = 1, n-1
			if axis > 0 {
				start[axis-1], count[axis-1] = d.Shape[axis-1]-1, 1
			}
			want, got := make([]float32, ndarray.Size(count)), make([]float32, ndarray.Size(count))
			if err := errors.Join(plain.Slab(want, start, count), d.Slab(got, start, count)); err != nil ||
				!slices.Equal(got, want) {
				t.Errorf("%s, %v from %v: %v, want %v, %v", name, count, start, got, want, err)
			}
		}
	}
}

// TestLostFrames: frames without a file are listed, and no error unless they are read. The others are read.
func TestLostFrames(t *testing.T) {
	f := opened(t, "virtual/virtual.h5")
	whole, err := dataset(t, f, "joined").Float32()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		spans []Span
		files string
		sound int // a frame that is the same in joined
	}{
		"lost/file":     {[]Span{{5, 5}}, "parts/missing.h5", 11},
		"lost/dataset":  {[]Span{{5, 5}}, "parts/two.h5", 4},
		"lost/end":      {[]Span{{5, 5}}, "parts/one.h5", 10},
		"lost/module":   {[]Span{{0, 6}}, "parts/missing.h5", -1},
		"lost/terabyte": {[]Span{{5, 1e9 - 5}}, "", -1},
		"lost/all":      {[]Span{{0, 5}}, "parts/missing.h5", -1},
	} {
		d := dataset(t, f, name)
		spans, files := d.Lost(2)
		if !slices.Equal(spans, want.spans) || strings.Join(files, " ") != want.files {
			t.Errorf("%s: lost %v of %v, want %v of %s", name, spans, files, want.spans, want.files)
		}
		row := make([]float32, ndarray.Size(d.Shape[1:]))
		err := d.Rows(row, spans[0].First, 1)
		if err == nil || !strings.Contains(err.Error(), "which no file holds") ||
			!strings.Contains(err.Error(), want.files) {
			t.Errorf("%s: a lost frame: %v", name, err)
		}
		if _, err := d.Float32(); err == nil {
			t.Errorf("%s: all frames are read", name)
		}
		if want.sound < 0 {
			continue
		}
		if err := d.Rows(row, want.sound, 1); err != nil || !slices.Equal(row, whole.Data[30*want.sound:][:30]) {
			t.Errorf("%s: frame %d is %v, %v", name, want.sound, row, err)
		}
	}
}

// TestClosedParts: files that were closed to keep their number small are opened again.
func TestClosedParts(t *testing.T) {
	dir := t.TempDir()
	f, err := testLibrary(t).Open("testdata/virtual/virtual.h5", dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range []string{"nested", "modules"} {
		want, err := dataset(t, f, "expected/"+name).Float32()
		if err != nil {
			t.Fatal(err)
		}
		d := dataset(t, f, name)
		openMany(t, f, dir)
		if got, err := d.Float32(); err != nil || !slices.Equal(got.Data, want.Data) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRefusedVirtual: a virtual dataset that this package does not read is an error of one sentence.
func TestRefusedVirtual(t *testing.T) {
	f := opened(t, "virtual/virtual.h5")
	for name, want := range map[string]string{
		"outside":   "found a link to testdata/types.h5, expected a file in the folder of",
		"kind":      "found a link to testdata/linked/scan.h5, expected a file in the folder of",
		"twice":     "found a virtual dataset with two sources of frame 2, expected one",
		"size":      "found a virtual dataset that does not match the shape [5 6 5], of data of parts/one.h5",
		"ring":      "found virtual datasets of virtual datasets, more than 8 deep or in a ring",
		"numbered":  "found a virtual dataset of files or datasets with numbered names, parts/%b.h5",
		"endless":   "found a virtual dataset with an irregular or unlimited selection, of data of parts/one.h5",
		"structure": "found a virtual dataset of structures with members [f0 f1] from values of type u2 of data of",
	} {
		_, err := f.Dataset("bad/" + name)
		var bad *badinput.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// TestDescribeVirtual: a virtual dataset is described without its files; of an endless one, the shape stays unknown.
func TestDescribeVirtual(t *testing.T) {
	f := opened(t, "virtual/virtual.h5")
	e, err := f.Describe("lost/file")
	if err != nil || e.Parts != 3 || !slices.Equal(e.Shape, []int{12, 6, 5}) {
		t.Errorf("%+v, %v", e, err)
	}
	for _, name := range []string{"endless", "numbered"} {
		e, err := f.Describe("bad/" + name)
		if err == nil || !strings.Contains(err.Error(), "a virtual dataset without an end") || e.Shape != nil {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

func FuzzSelection(f *testing.F) {
	n := func(v uint64) uint64 { return v }
	f.Add(n(0), n(2), n(3), n(1), n(0), n(1), n(1), n(4), uint8(7), uint8(5), true)
	f.Fuzz(func(
		t *testing.T, start, stride, count, block, start2, stride2, count2, block2 uint64, h, w uint8, flat bool,
	) {
		dims := []int{int(h), int(w)}
		s := selection{
			[]uint64{start, start2}, []uint64{stride, stride2}, []uint64{count, count2}, []uint64{block, block2},
		}
		cell := 1
		if flat {
			cell = 0
		}
		frames, part, ok := s.frames(dims, cell)
		if !ok {
			return
		}
		var want, got []int // the elements, one by one and as frames divides them
		for i := range count * block {
			for k := range count2 * block2 {
				row, column := start+i/block*stride+i%block, start2+k/block2*stride2+k%block2
				want = append(want, int(row)*int(w)+int(column))
			}
		}
		for _, s := range frames {
			for frame := s.first; frame < s.first+s.count; frame++ {
				if flat {
					got = append(got, frame)
					continue
				}
				for column := part[0].first; column < part[0].first+part[0].count; column++ {
					got = append(got, frame*int(w)+column)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v of %v: %v, want %v", s, dims, got, want)
		}
	})
}

func FuzzPlainName(f *testing.F) {
	f.Add("100%%b/%b.h5")
	f.Fuzz(func(t *testing.T, name string) {
		if plain, ok := plainName(name); ok && strings.Count(plain, "%") > strings.Count(name, "%") {
			t.Errorf("%q became %q", name, plain)
		}
	})
}

package npz

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
)

func samples() []Member {
	return []Member{
		{"zeta", ndarray.Wrap([]float32{0, 1.5, -2, 3e-40, math.MaxFloat32, 7}, 1, 2, 3)},
		{"alpha", ndarray.Wrap([]complex64{1 + 2i, -3i, 0, 5}, 2, 2)},
		{"floats", []float64{math.Pi, -0.25}},
		{"ints", []int64{-1 << 62, 7}},
		{"small", []int32{-5, 6, 7}},
		{"nothing", []float64{}},
		{"text", "Ångström 試料"},
		{"no_text", ""},
		{"number", 2.75},
		{"count", int64(-3)},
	}
}

func TestRoundTrip(t *testing.T) {
	for _, opts := range [][]Option{nil, {Stored}} {
		path := filepath.Join(t.TempDir(), "out.npz")
		if err := Write(path, samples(), opts...); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var keys []string
		for _, m := range samples() {
			keys = append(keys, m.Key)
			checkMember(t, r, m)
		}
		if !slices.Equal(r.Keys(), keys) {
			t.Errorf("keys %v, want %v", r.Keys(), keys)
		}
	}
}

// checkMember expects the exact values that were written.
func checkMember(t *testing.T, r *Reader, m Member) {
	t.Helper()
	var ok bool
	var err error
	switch want := m.Value.(type) {
	case *ndarray.Float32:
		var got *ndarray.Float32
		got, err = r.Float32(m.Key)
		ok = err == nil && slices.Equal(got.Shape, want.Shape) && slices.Equal(got.Data, want.Data)
	case *ndarray.Complex64:
		var got *ndarray.Complex64
		got, err = r.Complex64(m.Key)
		ok = err == nil && slices.Equal(got.Shape, want.Shape) && slices.Equal(got.Data, want.Data)
	case []float64:
		var got []float64
		got, err = r.Float64s(m.Key)
		ok = err == nil && slices.Equal(got, want)
	case float64:
		var got []float64
		got, err = r.Float64s(m.Key)
		ok = err == nil && slices.Equal(got, []float64{want})
	case []int64, []int32, int64:
		var got []int64
		got, err = r.Int64s(m.Key)
		ok = err == nil && slices.Equal(got, asInt64s(want))
	case string:
		var got string
		got, err = r.String(m.Key)
		ok = err == nil && got == want
	}
	if !ok {
		t.Errorf("%s did not come back (%v)", m.Key, err)
	}
}

func asInt64s(v any) []int64 {
	switch v := v.(type) {
	case int64:
		return []int64{v}
	case []int32:
		var wide []int64
		for _, x := range v {
			wide = append(wide, int64(x))
		}
		return wide
	}
	return v.([]int64)
}

func TestSameMembersSameBytes(t *testing.T) {
	var first []byte
	for i := range 2 {
		path := filepath.Join(t.TempDir(), "out.npz")
		if err := Write(path, samples()); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = content
		} else if !bytes.Equal(first, content) {
			t.Error("two writes differ")
		}
	}
}

func TestElementsAligned(t *testing.T) {
	// numpy maps arrays into memory, so elements begin at a multiple of 64, whatever the header's length.
	for n := range 70 {
		var b bytes.Buffer
		if err := writeTo(&b, []Member{{"a", strings.Repeat("x", n)}}, nil); err != nil {
			t.Fatal(err)
		}
		r := openBytes(t, b.Bytes())
		m, err := r.open("a")
		if err != nil {
			t.Fatal(err)
		}
		if length := int64(r.members["a"].size) - m.bytes; length%64 != 0 {
			t.Fatalf("%d characters: header of %d bytes", n, length)
		}
	}
}

func TestFailedWriteLeavesTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.npz")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, members := range [][]Member{
		{{"a", []float64{1}}, {"b", struct{}{}}},
		{{"a", 1.0}, {"a", 2.0}},
		{{"", 1.0}},
	} {
		if err := Write(path, members); err == nil {
			t.Errorf("%v was written", members)
		}
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "before" {
		t.Errorf("the file is now %q (%v)", content, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
	if err := Write(filepath.Join(dir, "absent", "out.npz"), samples()); err == nil {
		t.Error("wrote into a folder that does not exist")
	}
}

// TestSlices: an array written in parts gives the same file as at once; too few or too many elements are an error and
// leave no file.
func TestSlices(t *testing.T) {
	whole := ndarray.New[float32](3, 5)
	for i := range whole.Data {
		whole.Data[i] = float32(i)
	}
	parts := func(lengths ...int) *Slices {
		return &Slices{Shape: whole.Shape, Each: func(put func([]float32) error) error {
			for rest := whole.Data; len(lengths) > 0; lengths = lengths[1:] {
				n := min(lengths[0], len(rest))
				if err := put(append(slices.Clone(rest[:n]), make([]float32, lengths[0]-n)...)); err != nil {
					return err
				}
				rest = rest[n:]
			}
			return nil
		}}
	}
	write := func(name string, value any) (string, error) {
		path := filepath.Join(t.TempDir(), name)
		return path, Write(path, []Member{{Key: "a", Value: value}})
	}
	first, err := write("whole.npz", whole)
	second, partsErr := write("parts.npz", parts(4, 0, 11))
	if err != nil || partsErr != nil {
		t.Fatal(err, partsErr)
	}
	a, _ := os.ReadFile(first)
	b, _ := os.ReadFile(second)
	if len(a) == 0 || !bytes.Equal(a, b) {
		t.Error("written in parts it is another file")
	}
	for name, bad := range map[string]*Slices{"too few": parts(4, 10), "too many": parts(4, 12)} {
		path, err := write("bad.npz", bad)
		if _, statErr := os.Stat(path); err == nil || statErr == nil {
			t.Errorf("%s: %v, and a file", name, err)
		}
	}
}

package tiff

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

// stacks are the files of testdata with the type of their pixels and the value of the first.
var stacks = map[string]struct {
	dtype string
	first float32
}{
	"u2.tif": {"<u2", 0}, "u4_big.tif": {">u4", 0}, "f4.tif": {"<f4", 0}, "i2_predictor.tif": {"<i2", -30},
	"u1_lzw.tif": {"|u1", 0},
}

// TestStacksOfOtherPrograms: the pages of tifffile and Pillow are read, in any number at a time.
func TestStacksOfOtherPrograms(t *testing.T) {
	for name, want := range stacks {
		path := filepath.Join("testdata", name)
		s, err := OpenStack(path)
		if err != nil || !Is(path) {
			t.Fatalf("%s: %v, is one: %v", name, err, Is(path))
		}
		if s.Frames() != 3 || s.Height != 5 || s.Width != 4 || s.Dtype != want.dtype {
			t.Errorf("%s: %d pages of %d x %d of type %s", name, s.Frames(), s.Height, s.Width, s.Dtype)
		}
		all := make([]float32, 60)
		if err := errors.Join(s.Read(all[:20], 0, 1), s.Read(all[20:], 1, 2)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i, v := range all {
			if v != want.first+float32(i) {
				t.Errorf("%s: %v at %d, want %v", name, v, i, want.first+float32(i))
				break
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestOwnPagesAreRead: what Write writes, OpenStack reads.
func TestOwnPagesAreRead(t *testing.T) {
	image := ndarray.Wrap([]float32{1, -2.5, 3, 4, 5, 6}, 2, 3)
	path := filepath.Join(t.TempDir(), "own.tif")
	if err := Write(path, []Page{{Name: "a", Image: image}, {Name: "b", Image: image}}); err != nil {
		t.Fatal(err)
	}
	s, err := OpenStack(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got := make([]float32, 6)
	if err := s.Read(got, 1, 1); err != nil || !slices.Equal(got, image.Data) || s.Frames() != 2 {
		t.Errorf("%v, %v, %d pages", got, err, s.Frames())
	}
}

// TestDamagedStacks: a file that is cut, or whose numbers lie, is refused with a *badinput.Error.
func TestDamagedStacks(t *testing.T) {
	whole, err := os.ReadFile("testdata/u2.tif")
	if err != nil {
		t.Fatal(err)
	}
	lie := func(at int, value byte) []byte {
		b := slices.Clone(whole)
		b[at] = value
		return b
	}
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"nothing but a head": {whole[:6], "too short"},
		"no directory":       {whole[:8], "a directory that cannot be read"},
		"a page too far":     {lie(5, 0xff), "a directory that cannot be read"},
		"no page":            {append([]byte("II*\x00"), 0, 0, 0, 0), "found no page"},
		"a cut stack":        {whole[:len(whole)-90], "found"},
	} {
		path := filepath.Join(t.TempDir(), "a.tif")
		if err := os.WriteFile(path, tt.data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := OpenStack(path)
		var bad *badinput.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want a *badinput.Error with %q", name, err, tt.want)
		}
	}
}

// FuzzStack: whatever the bytes, a stack is read or refused with a *badinput.Error.
func FuzzStack(f *testing.F) {
	for name := range stacks {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	path := filepath.Join(f.TempDir(), "fuzz.tif")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		check := func(err error) {
			var bad *badinput.Error
			if err != nil && !errors.As(err, &bad) {
				t.Fatalf("an error of type %T: %v", err, err)
			}
		}
		s, err := OpenStack(path)
		check(err)
		if err != nil {
			return
		}
		defer s.Close()
		const most = 1 << 24
		if s.Height*s.Width > most {
			return
		}
		page := make([]float32, s.Height*s.Width)
		for i := range min(s.Frames(), 4) {
			check(s.Read(page, i, 1))
		}
	})
}

package dataset

import (
	"archive/zip"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz/npztest"
)

// checkHeld compares patterns that are held in limited memory with those that were loaded.
func checkHeld(t *testing.T, s *Scan, limit int64, want *ndarray.Float32) *Held {
	t.Helper()
	h, err := s.Hold(limit, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	if onDisk := limit > 0 && h.bytes > limit; h.OnDisk() != onDisk {
		t.Errorf("limit %d: on disk is %v, want %v", limit, h.OnDisk(), onDisk)
	}
	image := s.N * s.N
	got := make([]float32, image)
	for id := h.Count() - 1; id >= 0; id-- {
		if err := h.Read(id, got); err != nil || !slices.Equal(got, want.Data[id*image:(id+1)*image]) {
			t.Errorf("limit %d: pattern %d is another (%v)", limit, id, err)
		}
	}
	return h
}

// TestCountsTakeTwoBytes: also with a few pixels that are no counts, and up to the largest count of a uint16. Other
// amplitudes take four.
func TestCountsTakeTwoBytes(t *testing.T) {
	const m, image = 3, 64 * 64
	for _, c := range []struct {
		name  string
		value func(i int) float64
		bytes int64
	}{
		{"counts", func(i int) float64 { return float64(i % 65536) }, 2 * m * image},
		{"a few means", func(i int) float64 {
			if i%64 == 5 {
				return 3.7
			}
			return float64(i % 50)
		}, 2*m*image + 8*m*image/64},
		{"large counts", func(i int) float64 { return float64(65536 + i) }, 4 * m * image},
		{"fractions", func(i int) float64 { return float64(i) / 7 }, 4 * m * image},
	} {
		values := make([]float64, m*image)
		for i := range values {
			values[i] = c.value(i)
		}
		f := validScan(m).with(npztest.Real(KeyPatterns, "<f4", values, m, 64, 64))
		s := opened(t, zip.Store, f, Options{Input: Intensity})
		want, err := s.Load()
		if err != nil {
			t.Fatal(err)
		}
		if h := checkHeld(t, s, 0, want); h.bytes != c.bytes {
			t.Errorf("%s: %d patterns take %d bytes, want %d", c.name, m, h.bytes, c.bytes)
		}
	}
}

// TestHoldingReadsTheLastPattern: a fault behind the memory allowed is found before a solver starts.
func TestHoldingReadsTheLastPattern(t *testing.T) {
	values := frames(9, 64)
	values[8*64*64+77] = math.NaN()
	s := opened(t, zip.Store, validScan(9).with(npztest.Real(KeyPatterns, "<f4", values, 9, 64, 64)), Options{})
	var bad *badinput.Error
	if _, err := s.Hold(1, t.TempDir()); !errors.As(err, &bad) {
		t.Errorf("a pattern with NaN is held: %v", err)
	}
}

// TestHeldPatternsServeTheScan: the scan reads its file no more until the patterns are closed.
func TestHeldPatternsServeTheScan(t *testing.T) {
	for _, limit := range []int64{0, 1} {
		f := validScan(3)
		path := f.file(t)
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		want, err := s.Load()
		if err != nil {
			t.Fatal(err)
		}
		held, err := s.Hold(limit, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if limit == 0 { // a scan larger than the limit may be read in place
			if err := os.Truncate(path, 100); err != nil {
				t.Fatal(err)
			}
		}
		var all []float32
		if err := s.EachAmplitude(func(pattern []float32) error {
			all = append(all, pattern...)
			return nil
		}); err != nil || !slices.Equal(all, want.Data) {
			t.Errorf("limit %d: other patterns (%v)", limit, err)
		}
		image := s.N * s.N
		got, err := s.LoadSelected([]int{2, 0})
		if err != nil || !slices.Equal(got.Data[:image], want.Data[2*image:]) ||
			!slices.Equal(got.Data[image:], want.Data[:image]) {
			t.Errorf("limit %d: other selected patterns (%v)", limit, err)
		}
		if _, err := s.LoadSelected([]int{3}); err == nil {
			t.Errorf("limit %d: a pattern that is not there", limit)
		}
		if err := held.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.LoadSelected([]int{2}); (err != nil) != (limit == 0) {
			t.Errorf("limit %d: after Close, reading ends with %v", limit, err)
		}
	}
}

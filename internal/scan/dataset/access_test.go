package dataset

import (
	"archive/zip"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/npz/npztest"
)

// opened opens a scan written by one of zip's methods.
func opened(t *testing.T, method uint16, f scanFile, opt Options) *Scan {
	t.Helper()
	s, err := Open(npztest.File(t, npztest.Zip(method, f...)), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestAccessEqualsLoading: of stored and of compressed members, amplitudes and counts, in any order.
func TestAccessEqualsLoading(t *testing.T) {
	const m, image = 9, 64 * 64
	counts := make([]float64, m*image)
	for i := range counts {
		counts[i] = float64(i % 91)
	}
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		for name, f := range map[string]scanFile{
			"amplitudes": validScan(m), "counts": validScan(m).with(npztest.Real(KeyPatterns, ">u2", counts, m, 64,
				64)),
			"a last axis": validScan(m).with(npztest.Real(KeyPatterns, "<f8", frames(m, 64), m, 64, 64, 1)),
		} {
			s := opened(t, method, f, Options{})
			want, err := s.Load()
			if err != nil {
				t.Fatal(err)
			}
			for _, limit := range []int64{0, 2 * image * m, 1} {
				checkHeld(t, s, limit, want)
			}
			ids := []int{8, 3, 3, 0, 5}
			selected, err := s.LoadSelected(ids)
			for slot, id := range ids {
				part := want.Data[id*image : (id+1)*image]
				if err != nil || !slices.Equal(selected.Data[slot*image:(slot+1)*image], part) {
					t.Errorf("%s, method %d: selected pattern %d is another (%v)", name, method, id, err)
				}
			}
			scratch := t.TempDir()
			a, err := s.Access(ids, scratch)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, image)
			for range 2 {
				for _, id := range ids {
					if err := a.Read(id, got); err != nil || !slices.Equal(got, want.Data[id*image:(id+1)*image]) {
						t.Errorf("%s, method %d: pattern %d is another (%v)", name, method, id, err)
					}
				}
			}
			if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
				t.Errorf("%s, method %d: %v lies in the scratch directory (%v)", name, method, left, err)
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestSelectedPatternsAreReadAlone: a fault in another pattern does not show.
func TestSelectedPatternsAreReadAlone(t *testing.T) {
	spoiled := frames(3, 64)
	spoiled[5] = math.NaN()
	nan := validScan(3).with(npztest.Real(KeyPatterns, "<f4", spoiled, 3, 64, 64))
	if _, err := opened(t, zip.Store, nan, Options{}).LoadSelected([]int{2}); err != nil {
		t.Error(err)
	}
}

func TestAccessToTruth(t *testing.T) {
	const n = 64
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		s := opened(t, method, validScan(4).with(truthArray("<c16", 4, n)), Options{})
		a, err := s.AccessTruth([]int{3, 1}, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		got, want := make([]float32, 2*n*n), make([]float32, 2*n*n)
		for _, id := range []int{3, 1, 3} {
			if err := s.ReadTruth([]int{id}, [][]float32{want}); err != nil {
				t.Fatal(err)
			}
			if err := a.Read(id, got); err != nil || !slices.Equal(got, want) {
				t.Errorf("method %d: patch %d is another (%v)", method, id, err)
			}
		}
	}
}

// TestUnpackingIsACompletePass: the statistics are there afterwards, without another pass.
func TestUnpackingIsACompletePass(t *testing.T) {
	s := opened(t, zip.Deflate, validScan(5), Options{})
	a, err := s.Access([]int{0}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if s.kept() == nil {
		t.Error("unpacking forgot the statistics")
	}
	want, err := opened(t, zip.Store, validScan(5), Options{}).ContentDigest()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.ContentDigest(); err != nil || got != want {
		t.Errorf("digest %s, want %s (%v)", got, want, err)
	}
}

func TestAccessFaults(t *testing.T) {
	spoiled := frames(3, 64)
	spoiled[2*64*64+5] = math.NaN()
	nan := validScan(3).with(npztest.Real(KeyPatterns, "<f4", spoiled, 3, 64, 64))
	var bad *badinput.Error
	a, err := opened(t, zip.Store, nan, Options{}).Access([]int{2}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Read(2, make([]float32, 64*64)); !errors.As(err, &bad) || !strings.Contains(err.Error(), "frame 2") {
		t.Errorf("a NaN read directly: %v", err)
	}
	if _, err := opened(t, zip.Deflate, nan, Options{}).Access([]int{0}, t.TempDir()); !errors.As(err, &bad) ||
		!strings.Contains(err.Error(), "frame 2") {
		t.Errorf("a NaN unpacked: %v", err)
	}
	good := opened(t, zip.Deflate, validScan(3), Options{})
	if _, err := good.Access([]int{3}, t.TempDir()); err == nil {
		t.Error("a pattern beyond the last was promised")
	}
	if _, err := good.Access([]int{0}, filepath.Join(t.TempDir(), "absent")); err == nil ||
		!strings.Contains(err.Error(), "scratch file") || !strings.Contains(err.Error(), good.Path) {
		t.Errorf("no scratch directory: %v", err)
	}
	if a, err = good.Access([]int{1}, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if a.Read(0, make([]float32, 64*64)) == nil || a.Read(-1, make([]float32, 64*64)) == nil ||
		a.Read(1, make([]float32, 5)) == nil {
		t.Error("read what was not unpacked, or into too little")
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if a.Read(1, make([]float32, 64*64)) == nil {
		t.Error("read from a closed file")
	}
}

// TestAccessMemory: unpacking 600 patterns of 16 KiB, 9.8 MB, takes the memory of a few.
func TestAccessMemory(t *testing.T) {
	const m = 600
	s := opened(t, zip.Deflate, validScan(m), Options{})
	ids := make([]int, m)
	for i := range ids {
		ids[i] = i
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	a, err := s.Access(ids, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	image := make([]float32, 64*64)
	for _, id := range ids {
		if err := a.Read(id, image); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	// Buffers of 256 KiB for decoding and 64 KiB for inflating, and the places of the patterns.
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
}

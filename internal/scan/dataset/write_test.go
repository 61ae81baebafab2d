package dataset

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
)

// simulated is a scan of m patterns as the simulator hands over.
func simulated(m int) ScanData {
	d := ScanData{
		Patterns: ndarray.New[float32](m, 64, 64), X: random(m, 100), Y: backwards(random(m, 100)),
		Probe: ndarray.New[complex64](64, 64), Object: ndarray.New[complex64](70, 80),
	}
	for i, v := range random(len(d.Patterns.Data), 30) {
		d.Patterns.Data[i] = float32(v)
	}
	for i, v := range random(4096, 1) {
		d.Probe.Data[i] = complex(float32(v), float32(1-v))
	}
	d.Object.Data[17] = 2 - 3i
	return d
}

func TestWriteAndOpen(t *testing.T) {
	d := simulated(6)
	var contents [2][]byte
	for i := range contents {
		path := filepath.Join(t.TempDir(), "scan.npz")
		if err := Write(path, d); err != nil {
			t.Fatal(err)
		}
		var err error
		if contents[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		all, err := s.Load()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(all.Data, d.Patterns.Data) || !slices.Equal(s.X, d.X) || !slices.Equal(s.Y, d.Y) ||
			!slices.Equal(s.Probe.Data, d.Probe.Data) ||
			!slices.Equal(s.Object.Data, d.Object.Data) || !slices.Equal(s.Index, make([]int64, 6)) ||
			!slices.Equal(s.XStart, d.X) || !slices.Equal(s.YStart, d.Y) {
			t.Error("the scan did not come back")
		}
		if keys := s.file.Keys(); !slices.Contains(keys, KeyXStart) || !slices.Contains(keys, KeyYStart) ||
			!slices.Contains(keys, KeyIndex) {
			t.Errorf("keys %v", keys)
		}
	}
	if !bytes.Equal(contents[0], contents[1]) {
		t.Error("two writes differ")
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, bend := range map[string]func(*ScanData){
		"patterns": func(d *ScanData) { d.Patterns = nil },
		"probe":    func(d *ScanData) { d.Probe = ndarray.New[complex64](32, 32) },
		"size":     func(d *ScanData) { d.Patterns = ndarray.New[float32](6, 63, 63) },
		"columns":  func(d *ScanData) { d.X = d.X[:5] },
		"rows":     func(d *ScanData) { d.Y = nil },
		"index":    func(d *ScanData) { d.Index = []int64{1} },
		"object":   func(d *ScanData) { d.Object = ndarray.New[complex64](1, 70, 80) },
	} {
		d := simulated(6)
		bend(&d)
		path := filepath.Join(t.TempDir(), "scan.npz")
		if err := Write(path, d); err == nil {
			t.Errorf("%s: written", name)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s: a file is there (%v)", name, err)
		}
	}
}

func backwards(v []float64) []float64 {
	slices.Reverse(v)
	return v
}

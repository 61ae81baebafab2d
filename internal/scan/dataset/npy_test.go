package dataset

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ptyx/internal/format/npz/npztest"
)

// TestNumPyArrays: patterns, positions, mask and probe may each be a .npy file, read in place and as streams.
func TestNumPyArrays(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, m npztest.Array) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, m.NPY(), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const m = 3
	values, gaps, probe := frames(m, 64), make([]float64, 64*64), make([]complex128, 64*64)
	gaps[7], probe[9] = 1, 2i
	scan := write("frames.npy", npztest.Real("", "<f8", values, m, 64, 64))
	positions := write("motors.npy", npztest.Real("", "<f4", []float64{1, 7, 2, 8, 3, 9}, m, 2))
	mask := write("gaps.npy", npztest.Real("", "|u1", gaps, 64, 64))
	s, err := Open(scan, Options{
		View:      View{PositionsFile: positions, Unit: "px", Mask: mask},
		ProbeFile: write("probe.npy", npztest.Array{Dtype: "<c16", Shape: []int{64, 64}, Values: probe}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !closeTo(s.X, []float64{1, 2, 3}) || !closeTo(s.Y, []float64{7, 8, 9}) || s.Measured[7] || !s.Measured[8] ||
		s.Probe.Data[9] != 2i {
		t.Errorf("x %v, y %v, probe %v", s.X, s.Y, s.Probe.Data[9])
	}
	all, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Access([]int{2}, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	const image = 64 * 64
	one := make([]float32, image)
	if err := a.Read(2, one); err != nil || !slices.Equal(one, all.Data[2*image:]) ||
		float64(one[8]) != float64(float32(values[2*image+8])) {
		t.Errorf("pattern 2 is another (%v)", err)
	}
}

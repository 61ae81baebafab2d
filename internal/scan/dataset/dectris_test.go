package dataset

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5/hdf5test"
)

// Of make_dectris.py. The positions of one file have the numbers of their patterns beside them.
const (
	dectrisFiles = "../source/testdata/"
	numbered     = "dectris_positions.csv"
	unnumbered   = "dectris_unnumbered.csv"
)

// openMaster opens a master of DECTRIS, with the positions in a file of its folder, and returns its log.
func openMaster(t *testing.T, path, positions string) (*Scan, string, error) {
	t.Helper()
	var log strings.Builder
	s, err := Open(path, Options{
		NoProbe: true, Log: slog.New(slog.NewTextHandler(&log, nil)), View: View{
			Library: hdf5test.Library(), PositionsFile: filepath.Join(filepath.Dir(path), positions),
			Crop: Crop{Size: 32, Row: 19, Col: 23},
		},
	})
	if err == nil {
		t.Cleanup(func() { s.Close() })
		_, err = s.Load()
	}
	return s, log.String(), err
}

// TestMasters: a saturated pixel takes the mean of its neighbours in its pattern alone, and the first of several
// thresholds is read, with a word about it.
func TestMasters(t *testing.T) {
	one, log, err := openMaster(t, dectrisFiles+"dectris_1_master.h5", numbered)
	if err != nil || one.M != 48 || strings.Count(log, "saturated") != 1 || strings.Contains(log, "left out") {
		t.Fatalf("%v, %s", err, log)
	}
	two, log, err := openMaster(t, dectrisFiles+"dectris_2_master.h5", numbered)
	if err != nil || strings.Count(log, "channel threshold_1, of 2") != 1 {
		t.Errorf("%v, %s", err, log)
	}
	a, _ := one.Load()
	b, _ := two.Load()
	if !slices.Equal(a.Data, b.Data) {
		t.Error("FileWriter 1 and 2 give different patterns")
	}
	const at = 7*1024 + 16*32 + 13 // saturated
	mean := 0.0
	for row := -1; row <= 1; row++ {
		for column := -1; column <= 1; column++ {
			if v := float64(a.Data[at+row*32+column]); row != 0 || column != 0 {
				mean += v * v / 8
			}
		}
	}
	if got := float64(a.Data[at]) * float64(a.Data[at]); got < 0.999*mean || got > 1.001*mean {
		t.Errorf("a saturated pixel is %v, want %v", got, mean)
	}
}

// TestLostDataFiles: without one of its data files, a master gives the other patterns, each with its own position.
func TestLostDataFiles(t *testing.T) {
	whole, _, err := openMaster(t, dectrisFiles+"dectris_1_master.h5", numbered)
	if err != nil {
		t.Fatal(err)
	}
	patterns, err := whole.Load()
	if err != nil {
		t.Fatal(err)
	}
	for lost, want := range map[string]struct {
		first, count int
		names        string
	}{
		"dectris_1_data_000001.h5": {0, 16, "data_000001"},
		"dectris_1_data_000002.h5": {16, 16, "data_000002"},
		"dectris_1_data_000003.h5": {32, 16, "data_000003"},
		"dectris_2_data_000001.h5": {0, 24, "dectris_2_data_000001.h5"},
		"dectris_2_data_000002.h5": {24, 24, "dectris_2_data_000002.h5"},
	} {
		dir := t.TempDir()
		names, err := filepath.Glob(dectrisFiles + "dectris_*")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err == nil && filepath.Base(name) != lost {
				err = os.WriteFile(filepath.Join(dir, filepath.Base(name)), content, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, positions := range []string{numbered, unnumbered} {
			s, log, err := openMaster(t, filepath.Join(dir, lost[:len("dectris_1_")]+"master.h5"), positions)
			if err != nil {
				t.Errorf("without %s: %v", lost, err)
				continue
			}
			if strings.Count(log, "patterns are left out") != 1 || !strings.Contains(log, want.names) {
				t.Errorf("without %s: %s", lost, log)
			}
			checkRest(t, s, whole, patterns, want.first, want.count)
		}
	}
}

// checkRest compares a scan without the patterns from first on, count of them, with the complete one.
func checkRest(t *testing.T, s, whole *Scan, patterns *ndarray.Float32, first, count int) {
	t.Helper()
	got, err := s.Load()
	left := slices.Delete(slices.Clone(patterns.Data), 1024*first, 1024*(first+count))
	if err != nil || !slices.Equal(got.Data, left) {
		t.Errorf("other patterns than the rest, %v", err)
	}
	x := slices.Delete(slices.Clone(whole.X), first, first+count)
	for i := range x { // the frame begins where the positions do
		if d := s.X[i] - s.X[0] - (x[i] - x[0]); s.M != len(x) || d > 1e-9 || d < -1e-9 {
			t.Fatalf("position %d of %d is %v, want %v", i, s.M, s.X[i], x[i])
		}
	}
	ids := []int{len(x) - 1, 0}
	if some, err := s.LoadSelected(ids); err != nil || !slices.Equal(some.Data[:1024], left[len(left)-1024:]) {
		t.Errorf("the last pattern: %v", err)
	}
}

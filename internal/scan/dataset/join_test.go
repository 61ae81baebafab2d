package dataset

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
)

// text writes a file of positions.
func text(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "positions.csv")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPositionsOfText: rows go to patterns by their numbers, which may begin anywhere, in any order, several times; and
// by their order where there are no numbers.
func TestPositionsOfText(t *testing.T) {
	plain := container{"entry/data/data": counts(3, 64, 64), "probe": probeOfOnes(64, 64)}
	numbered := plain.with("indexes", []int64{7, 5, 9})
	for name, tt := range map[string]struct {
		scan  container
		lines []string
		x     []float64
		says  string // in the log
	}{
		"no numbers": {plain, []string{"x_px,y_px", "1,0", "2,0", "3,9"}, []float64{1, 2, 3}, ""},
		"from 0":     {plain, []string{"id,x_px,y_px", "2,3,9", "0,1,0", "1,2,0"}, []float64{1, 2, 3}, ""},
		"from 1":     {plain, []string{"frame x_px y_px", "1 1 0", "2 2 0", "3 3 9"}, []float64{1, 2, 3}, ""},
		"from a stop": {plain, []string{"UniqueId,x_px,y_px", "52,2,0", "51,1,0", "53,3,9"}, []float64{1, 2, 3},
			""},
		"too many rows": {plain, []string{"x_px,y_px", "1,0", "2,0", "3,9", "8,8"}, []float64{1, 2, 3}, "dropped=1"},
		"more numbers": {plain, []string{"id,x_px,y_px", "0,1,0", "1,2,0", "2,3,9", "3,8,8"}, []float64{1, 2, 3},
			""},
		"one is missing": {plain, []string{"id,x_px,y_px", "0,1,0", "2,3,9"}, []float64{1, 3},
			"patterns=1 of=3 first_number=1"},
		"from 1, one is missing": {plain, []string{"frame,x_px,y_px", "1,1,0", "3,3,9"}, []float64{1, 3},
			"patterns=1 of=3 first_number=2"},
		"numbers of both": {numbered, []string{"id,x_px,y_px", "5,1,0", "7,2,0", "9,3,9"}, []float64{2, 1, 3}, ""},
		"samples": {plain, []string{"id,x_px,y_px", "0,1,0", "0,2,0", "1,5,0", "2,6,9", "2,8,9"},
			[]float64{1.5, 5, 7}, "5 rows of positions have the numbers of 3 frames"},
		"trigger, swapped": {plain, []string{"trigger\ty_px\tx_px", "1\t0\t1", "2\t0\t2", "3\t9\t3"}, []float64{1, 2,
			3}, ""},
	} {
		s, log, err := openView(t, tt.scan.file(t, "scan.h5"), View{PositionsFile: text(t, tt.lines...)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !closeTo(s.X, tt.x) || !strings.Contains(log, tt.says) {
			t.Errorf("%s: x %v, want %v; log %q, want %q in it", name, s.X, tt.x, log, tt.says)
		}
	}
}

// TestPatternsWithoutPosition are left out of everything that a scan reads.
func TestPatternsWithoutPosition(t *testing.T) {
	truth := ndarray.New[complex64](5, 64, 64)
	for i := range truth.Data {
		truth.Data[i] = complex(float32(i/(64*64)), 1)
	}
	file := container{
		"diff3d": counts(5, 64, 64), "scan_index": []int64{10, 11, 12, 13, 14}, "ids": []int64{20, 21, 22, 23, 24},
		"Y":          truth,
		"probeGuess": probeOfOnes(64, 64),
	}
	path := file.file(t, "scan.h5")
	whole := mustOpen(t, path, View{PositionsFile: text(t, "x_px,y_px", "1,0", "2,0", "3,0", "4,0", "5,9")})
	s := mustOpen(t, path, View{PositionsFile: text(t, "id,x_px,y_px", "0,1,0", "3,4,0", "4,5,9")})
	all, err := whole.Load()
	if err != nil {
		t.Fatal(err)
	}
	some, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	const image = 64 * 64
	kept := []int{0, 3, 4}
	scratch := t.TempDir()
	a, err := s.Access([]int{0, 1, 2}, scratch)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := s.AccessTruth([]int{0, 1, 2}, scratch)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	patch, patches := make([]float32, 2*image), [][]float32{make([]float32, 2*image)}
	for i, from := range kept {
		want, got := all.Data[from*image:(from+1)*image], make([]float32, image)
		if err := a.Read(i, got); err != nil || !slices.Equal(got, want) ||
			!slices.Equal(some.Data[i*image:(i+1)*image], want) {
			t.Errorf("pattern %d is not number %d of the file (%v)", i, from, err)
		}
		if err := errors.Join(b.Read(i, patch), s.ReadTruth([]int{i}, patches)); err != nil ||
			patch[0] != float32(from) || patches[0][0] != float32(from) {
			t.Errorf("truth %d is %v and %v, want %d (%v)", i, patch[0], patches[0][0], from, err)
		}
	}
	ids, err := s.FrameIDs()
	if err != nil || !slices.Equal(ids, []int64{20, 23, 24}) || !slices.Equal(s.Index, []int64{10, 13, 14}) {
		t.Errorf("ids %v, index %v, %v", ids, s.Index, err)
	}
	frames, err := s.FramesFrom(2)
	if err != nil {
		t.Fatal(err)
	}
	defer frames.Close()
	last := make([]float32, image)
	if n, err := frames.Next(last); n != 1 || err != nil || !slices.Equal(last, all.Data[4*image:]) {
		t.Errorf("%d patterns from number 2 on, %v", n, err)
	}
	if n, err := frames.Next(last); n != 0 || err != io.EOF {
		t.Errorf("%d patterns behind the last, %v", n, err)
	}
	if kind, err := s.Truth(); err != nil || kind != TruthPatches {
		t.Errorf("truth %v, %v", kind, err)
	}
}

// TestFaultyPositionsOfText: each fault is one sentence that helps.
func TestFaultyPositionsOfText(t *testing.T) {
	path := container{"entry/data/data": counts(3, 64, 64)}.file(t, "scan.h5")
	for name, tt := range map[string]struct {
		lines []string
		says  []string
	}{
		"no unit": {[]string{"1,0", "2,0", "3,9"}, []string{"0: ", "positions from 1 to 3 without a unit",
			"--unit px"}},
		"no axes": {[]string{"id,a,b", "0,1,0", "1,2,0"}, []string{"columns id (0), a (1), b (0)",
			"--x and --y"}},
		"two pairs":     {[]string{"x1_um,y1_um,x2_um,y2_um", "0,1,0,1"}, []string{"x1_um (0)", "--x and --y"}},
		"many columns":  {[]string{"0,1,0,1", "0,1,0,1"}, []string{"columns 0 (0), 1 (1)", "--x and --y"}},
		"too few":       {[]string{"x_px,y_px", "1,0", "2,0"}, []string{"2 positions", "number of each row's pattern"}},
		"other numbers": {[]string{"id,x_px,y_px", "7,1,0", "8,2,0"}, []string{"numbers from 7 to 8", "0 to 2"}},
		"half a number": {[]string{"id,x_px,y_px", "0.5,1,0", "1,2,0"}, []string{"id: ", "0.5 in row 0",
			"whole numbers"}},
		"not a number": {[]string{"x_px,y_px", "1,0", "nan,0", "3,9"}, []string{"x_px: ", "NaN at position 1"}},
		"an odd unit":  {[]string{"x (furlong),y (furlong)", "1,0", "2,0"}, []string{"columns x (furlong)"}},
	} {
		file := text(t, tt.lines...)
		_, _, err := openView(t, path, View{PositionsFile: file})
		for _, part := range append(tt.says, file+": ") {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, without %q", name, err, part)
			}
		}
	}
}

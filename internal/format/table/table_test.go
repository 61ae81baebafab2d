package table_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/format/table"
)

func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "positions.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTables reads the forms in which beamlines and spreadsheets write columns.
func TestTables(t *testing.T) {
	for name, tt := range map[string]struct {
		text  string
		names string // joined by |
		last  []float64
	}{
		"CSV":               {"x,y\n1,2\n3,4\n", "x|y", []float64{3, 4}},
		"no header":         {"1,2\n3,4\n", "0|1", []float64{3, 4}},
		"no last line end":  {"1,2\n3,4", "0|1", []float64{3, 4}},
		"lines of Windows":  {"x;y\r\n1;2\r\n3;4\r\n", "x|y", []float64{3, 4}},
		"decimal commas":    {"x;y\n1,5;2,5\n3,5;4e-1\n", "x|y", []float64{3.5, 0.4}},
		"a spreadsheet":     {"\ufeffX (um),Y (um)\n1,2\n3,4\n", "X (um)|Y (um)", []float64{3, 4}},
		"quoted":            {"\"x, um\",\"y\"\n\"1\",\"2\"\n3,4\n", "x, um|y", []float64{3, 4}},
		"tabs":              {"x\ty\n1\t2\n3\t4\n", "x|y", []float64{3, 4}},
		"an empty cell":     {"x\ty\tz\n1\t2\t\n3\t4\t\n", "x|y|z", []float64{3, 4}},
		"numpy":             {"# x y\n1.0e+00 2.0e+00\n3.0e+00 4.0e+00\n", "x|y", []float64{3, 4}},
		"numpy with commas": {"# x, y\n1.0,2.0\n3.0,4.0\n", "x|y", []float64{3, 4}},
		"several blanks":    {"  x    y\n  1    2  \n  3    4  \n\n", "x|y", []float64{3, 4}},
		"SPEC": {"#S 12 mesh\n#L Sample X  Sample Y\n1 2\n3 4\n#C end\n", "Sample X|Sample Y",
			[]float64{3, 4}},
		"SPEC, one word":      {"#L x y\n1 2\n3 4\n", "x|y", []float64{3, 4}},
		"cSAXS":               {"Scan 00012 of today\nx_fzp y_fzp\n1 2\n3 4\n", "x_fzp|y_fzp", []float64{3, 4}},
		"a line of units":     {"x,y\num,um\n1,2\n3,4\n", "x (um)|y (um)", []float64{3, 4}},
		"a line of text":      {"x,y,when\n1,2,2026-01-01 10:00\n3,4,2026-01-01 10:01\n", "x|y|when", []float64{3, 4}},
		"not a number":        {"x,y\n1,2\nnan,inf\n", "x|y", []float64{math.NaN(), math.Inf(1)}},
		"comments in between": {"x,y\n1,2\n# a pause\n3,4\n", "x|y", []float64{3, 4}},
	} {
		s, err := table.Open(file(t, tt.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(s.Names(), "|"); got != tt.names {
			t.Errorf("%s: columns %q, want %q", name, got, tt.names)
		}
		columns, err := s.Columns(0, 1)
		same := func(a, b float64) bool { return a == b || a != a && b != b }
		if err != nil || len(columns[0]) != 2 || !same(columns[0][1], tt.last[0]) || !same(columns[1][1], tt.last[1]) {
			t.Errorf("%s: %v, %v, want two rows and %v", name, columns, err, tt.last)
		}
	}
}

// TestColumnsAreFound by their names, in any case, and by their numbers.
func TestColumnsAreFound(t *testing.T) {
	s, err := table.Open(file(t, "ID,X_um,7\n0,1,2\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"X_um": 1, "x_um": 1, " id ": 0, "2": 2, "7": 2, "3": -1, "-1": -1,
		"y": -1} {
		if got := s.Find(name); got != want {
			t.Errorf("%q is column %d, want %d", name, got, want)
		}
	}
}

// TestFaultyTables: each fault is one sentence with the line.
func TestFaultyTables(t *testing.T) {
	long := strings.Repeat("1,", 1<<20)
	for name, tt := range map[string]struct{ text, says string }{
		"empty":             {"", "text without columns of numbers"},
		"prose":             {"Dear colleague,\nthe positions are lost.\n", "text without columns of numbers"},
		"one column":        {"1\n2\n", "at least two columns"},
		"a line too long":   {long, "line 1: found a line of more than 1048576 bytes"},
		"too long, later":   {"1,2\n" + long, "line 2: found a line of more than 1048576 bytes"},
		"an open quote":     {"1,2\n\"3,4\n" + strings.Repeat("5,6\n", 1<<19), "line 2: found a line of more than"},
		"a word":            {"x,y\n1,2\n3,broken\n", `line 3: found "broken", expected a number in column y`},
		"a word below":      {"# x\n# y\nx,y\n1,2\n\n3,broken\n", `line 6: found "broken"`},
		"a short row":       {"x,y\n1,2\n3\n", "line 3: found 1 columns, expected 2"},
		"an empty cell":     {"x,y\n1,2\n3,\n", `line 3: found "", expected a number`},
		"too much preamble": {strings.Repeat("a b c\n", 1100) + "1 2\n", "text without columns"},
	} {
		path := file(t, tt.text)
		s, err := table.Open(path)
		if err == nil {
			_, err = s.Columns(0, 1)
		}
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %.200v, without %q", name, err, tt.says)
		}
	}
}

// TestIs tells text from the first bytes of other files.
func TestIs(t *testing.T) {
	for text, want := range map[string]bool{
		"x,y\r\n1,2": true, "x (\xb5m)\t1": true, "\ufeffx": true, "": false, "PK\x03\x04": false,
		"\x89HDF\r\n\x1a\n": false,
		"\x93NUMPY\x01":     false, "x\x00y\x00": false,
	} {
		if got := table.Is([]byte(text)); got != want {
			t.Errorf("%q: text %v, want %v", text, got, want)
		}
	}
}

// FuzzTable: any text gives columns of one length or an error, and no panic.
func FuzzTable(f *testing.F) {
	for _, text := range []string{
		"x,y\n1,2\n", "#L a  b\n1 2\n", "\"\n1;2", "1,5;2\n", "\t\t\n1\t2\n", "x,y\num,um\n1,2\n3",
		"\ufeff1 2\n\r\n3 4",
	} {
		f.Add([]byte(text))
	}
	path := filepath.Join(f.TempDir(), "positions.txt")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := table.Open(path)
		if err != nil {
			return
		}
		names := s.Names()
		if len(names) < 2 || slices.Contains(names, "") || s.Find(names[1]) < 0 {
			t.Fatalf("%q has columns %q", text, names)
		}
		columns, err := s.Columns(0, len(names)-1)
		if err == nil && (len(columns) != 2 || len(columns[0]) != len(columns[1])) {
			t.Fatalf("%q gives %v", text, columns)
		}
	})
}

// TestOpenStopsAtALongLine: the beginning of a file is refused before a line without end fills the memory.
func TestOpenStopsAtALongLine(t *testing.T) {
	_, err := table.Open(file(t, strings.Repeat("1,", 1<<20)))
	if err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("%v", err)
	}
}

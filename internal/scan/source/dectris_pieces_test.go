package source

import (
	"fmt"
	"strings"
	"testing"

	"ptyx/internal/format/hdf5"
)

// TestDECTRISPieces places data files, some of them lost. A file is written "10" for ten frames, "10@21" if it states
// that they begin with number 21, and "-" if it is lost; a piece is first+count, lost ones in brackets.
func TestDECTRISPieces(t *testing.T) {
	for _, tt := range []struct {
		files, want string
		asked       int
	}{
		{"10 10 4", "0+10 10+10 20+4", 0},
		{"10@1 10@11 4@21", "0+10 10+10 20+4", 0},
		{"10@1 - 10@21", "0+10 (10+10) 20+10", 0},
		{"10 - 10", "0+10 (10+10) 20+10", 0},
		{"- 10@11 10@21", "(0+10) 10+10 20+10", 0},
		{"- - 10", "(0+10) (10+10) 20+10", 0},
		{"- 10", "(0+10) 10+10", 0},
		{"10@1001 - 10@1021", "0+10 (10+10) 20+10", 0},      // numbers that begin elsewhere
		{"10@1 - 10@16", "0+10 (10+5) 15+10", 0},            // a short file is lost
		{"10@1 - - 10@16", "0+10 (10+5) (15+0) 15+10", 0},   // and a second
		{"10@1 - - 10@41", "0+10 (10+10) (20+20) 40+10", 0}, // long ones
		{"10@1 10@1 10@1", "0+10 10+10 20+10", 0},           // each file counts anew
		{"10 10 -", "0+10 10+10 (20+10)", 0},                // the master does not say how many
		{"10 10 -", "0+10 10+10 (20+0)", 20},                // more links than files were needed
		{"10 10 - -", "0+10 10+10 (20+5) (25+0)", 25},       // the last one is short
		{"10 10 - -", "0+10 10+10 (20+10) (30+3)", 33},      // the last one is short
		{"10 10 - -", "0+10 10+10 (20+10) (30+100)", 130},   // more frames than links
		{"10 10 10", "0+10 10+10 20+10", 99},                // the scan ended early, and all files are there
		{"10 10 10", "0+10 10+10 20+10", 5},                 // a master that asks for fewer
		{"10 - 10 -", "0+10 (10+10) 20+10 (30+0)", 30},
	} {
		var files []dectrisFile
		long := 0
		for _, text := range strings.Fields(tt.files) {
			f := dectrisFile{}
			if text != "-" {
				f.part = &hdf5.Part{Shape: []int{0, 2, 2}}
				if n, _ := fmt.Sscanf(text, "%d@%d", &f.part.Shape[0], &f.first); n == 0 {
					t.Fatal(text)
				}
				long = max(long, f.part.Shape[0])
			}
			files = append(files, f)
		}
		pieces, frames := dectrisPieces(files, long)
		if tt.asked > 0 {
			frames = endAt(pieces, tt.asked)
		}
		var got []string
		end := 0
		for _, p := range pieces {
			text := fmt.Sprintf("%d+%d", p.First, p.Count)
			if p.Part == nil {
				text = "(" + text + ")"
			}
			got, end = append(got, text), max(end, p.First+p.Count)
		}
		if strings.Join(got, " ") != tt.want || frames != end {
			t.Errorf("%s: %v, %d frames, want %s", tt.files, got, frames, tt.want)
		}
	}
}

func FuzzDECTRISPieces(f *testing.F) {
	f.Add([]byte{10, 1, 0, 0, 10, 21, 4, 31}, uint8(40))
	f.Fuzz(func(t *testing.T, raw []byte, asked uint8) {
		var files []dectrisFile
		long, existing := 0, 0
		for ; len(raw) > 1; raw = raw[2:] {
			f := dectrisFile{}
			if raw[0] > 0 {
				f.part, f.first = &hdf5.Part{Shape: []int{int(raw[0]), 2, 2}}, int(raw[1])
				long, existing = max(long, int(raw[0])), existing+int(raw[0])
			}
			files = append(files, f)
		}
		if existing == 0 {
			return
		}
		pieces, frames := dectrisPieces(files, long)
		if asked > 0 {
			frames = endAt(pieces, int(asked))
		}
		at := 0
		for _, p := range pieces {
			if p.First < at || p.Count < 0 || p.First+p.Count > frames {
				t.Fatalf("%v of %d frames overlap", pieces, frames)
			}
			at = p.First + p.Count
			if p.Part != nil && p.Count != p.Part.Shape[0] {
				t.Fatalf("%v: a file is cut", pieces)
			}
		}
	})
}

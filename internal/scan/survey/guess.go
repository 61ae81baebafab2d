package survey

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/source"
)

// Role is what an array may be in a scan.
type Role string

// The roles, in the order in which they are shown.
const (
	Patterns  Role = "patterns"
	Positions Role = "positions"
	Mask      Role = "mask"
	Probe     Role = "probe"
	Energy    Role = "energy"
	Distance  Role = "distance"
	Pixel     Role = "detector pixel"
)

// Roles are all roles.
var Roles = []Role{Patterns, Positions, Mask, Probe, Energy, Distance, Pixel}

// Guess is an array, or a pair of arrays, that looks like a part of a scan.
type Guess struct {
	Role  Role     `json:"role"`
	File  string   `json:"file"`
	Paths []string `json:"paths"` // one, or those of x and y
	Why   string   `json:"why"`
	Flags []string `json:"flags"` // that read it; none if ptyx reads it without flags
	Known bool     `json:"known"` // ptyx reads it by the file's layout

	score  float64
	pixels bool    // positions are object pixels
	value  float64 // of a number, in the unit of its flag
}

// guess fills the guesses: of each role what the layouts give, else the likeliest arrays first.
func (s *Survey) guess() {
	of := s.framesOf(s.guessPatterns())
	s.crop = of.height != of.width || of.height > cropFrom || of.height%2 != 0
	s.guessOptics()
	s.guessPositions(of)
	s.guessImages(of)
	place := func(g Guess) int { return slices.Index(Roles, g.Role) }
	slices.SortStableFunc(s.Guesses, func(a, b Guess) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(b.score, a.score))
	})
	s.Guesses = shortlist(s.Guesses)
}

// shortlist keeps a few guesses of each role.
func shortlist(all []Guess) []Guess {
	const most = 4
	count, known := map[Role]int{}, map[Role]string{}
	kept := []Guess{}
	for _, g := range all {
		if g.Known {
			known[g.Role] = g.File
		} else if known[g.Role] == g.File {
			continue // the layout says which
		}
		if count[g.Role]++; count[g.Role] <= most {
			kept = append(kept, g)
		}
	}
	return kept
}

// best is the likeliest guess of a role; nil if there is none.
func (s *Survey) best(role Role) *Guess {
	var found *Guess
	for i := range s.Guesses {
		if g := &s.Guesses[i]; g.Role == role && (found == nil || g.score > found.score) {
			found = g
		}
	}
	return found
}

// frames are what is known of the patterns. The zero value is nothing.
type frames struct {
	count, height, width int
	rows, columns        int // of a raster; 0: it is none
}

// cropFrom is the side of a square detector in pixels, above which the command crops it: a far field seldom needs
// more.
const cropFrom = 256

// knownScore is that of what a layout gives: nothing is likelier.
const knownScore = 1000

// guessPatterns finds the patterns in the first file.
func (s *Survey) guessPatterns() (shape []int) {
	f := &s.Files[0]
	for _, key := range []string{source.Patterns, source.PatternsAlias} {
		if !f.has(key) {
			continue
		}
		if h, err := f.known.Header(key); err == nil {
			s.Guesses = append(s.Guesses, Guess{
				Role: Patterns, File: f.Path, Paths: []string{f.known.Place(key)}, Flags: []string{},
				Why: describeFrames(h.Shape, h.Dtype), Known: true, score: knownScore,
			})
			return h.Shape
		}
	}
	for _, e := range f.Entries {
		if score := patternsScore(e); score > 0 {
			why := describeFrames(e.Shape, e.Type)
			if e.Units != "" { // a rate has other noise than counts
				why += ", " + e.Units
			}
			s.Guesses = append(s.Guesses, Guess{
				Role: Patterns, File: f.Path, Paths: []string{e.Path}, Why: why, score: score,
				Flags: []string{"--patterns", e.Path},
			})
		}
	}
	if g := s.best(Patterns); g != nil {
		for _, e := range f.Entries {
			if e.Path == g.Paths[0] {
				return e.Shape
			}
		}
	}
	return nil
}

// Words of names that speak for patterns, and against them.
var (
	patternWords = strings.Fields(`data frames images image img diffraction diff dp patterns pattern ptychogram detector
		eiger pilatus merlin jungfrau medipix lambda intensity intensities counts raw cube datacube amp diffamp`)
	otherWords = strings.Fields(`mask flatfield flat dark darkfield background probe object truth guess weights variance
		error gain offset calibration model result reconstruction`)
)

// patternsScore is larger, the more an array looks like patterns; 0: it does not.
func patternsScore(e source.Entry) float64 {
	const smallest = 16 // pixels along an axis
	h := npz.Header{Dtype: e.Type, Shape: e.Shape}
	rank := len(e.Shape)
	if e.Group || e.Fault != "" || rank < 3 || rank > 4 || !h.Real() {
		return 0
	}
	if e.Shape[rank-1] < smallest || e.Shape[rank-2] < smallest || ndarray.Size(e.Shape[:rank-2]) < 2 {
		return 0
	}
	score := 10.0
	for n := e.Elements(); n > 1; n /= 2 { // the largest array is nearly always that of the patterns
		score++
	}
	score += wordScore(e.Path, patternWords, 4) - wordScore(e.Path, otherWords, 12)
	if strings.HasPrefix(strings.TrimLeft(e.Type, "<>|"), "u") {
		score += 2
	}
	if e.Link != "" {
		score-- // the place that it leads to comes first
	}
	return score - 0.1*float64(strings.Count(e.Path, "/"))
}

// wordScore is the points if one of the words is in the last two parts of a path.
func wordScore(place string, words []string, points float64) float64 {
	names := append(source.WordsOf(path.Base(place)), source.WordsOf(path.Base(path.Dir(place)))...)
	if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(words, name) }) {
		return points
	}
	return 0
}

// framesOf reads the shape of patterns.
func (s *Survey) framesOf(shape []int) (of frames) {
	if g := s.best(Patterns); g != nil && g.Known {
		r := s.Files[0].known.Facts.Raster
		of.rows, of.columns = r.Rows, r.Columns
	}
	if len(shape) == 4 && shape[3] == 1 {
		shape = shape[:3]
	}
	switch len(shape) {
	case 3:
		of.count, of.height, of.width = shape[0], shape[1], shape[2]
		if shape[0] == shape[1] && shape[1] != shape[2] { // the old layout (N, N, M)
			of.count, of.height, of.width = shape[2], shape[0], shape[1]
		}
	case 4:
		of.rows, of.columns = shape[0], shape[1]
		of.count, of.height, of.width = shape[0]*shape[1], shape[2], shape[3]
	}
	return of
}

// describeFrames says what patterns are.
func describeFrames(shape []int, dtype string) string {
	kind := strings.TrimLeft(dtype, "<>|")
	switch n := len(shape); n {
	case 3:
		if shape[0] == shape[1] && shape[1] != shape[2] {
			return fmt.Sprintf("%d frames of %d x %d, frames last, %s", shape[2], shape[0], shape[1], kind)
		}
		return fmt.Sprintf("%d frames of %d x %d, %s", shape[0], shape[1], shape[2], kind)
	case 4:
		return fmt.Sprintf("a raster of %d x %d frames of %d x %d, %s", shape[0], shape[1], shape[2], shape[3], kind)
	}
	return npz.Header{Shape: shape}.ShapeText() + ", " + kind
}

// inFile is FILE:PATH as a flag takes it for an array of any of the files; the first file is the scan's own.
func (s *Survey) inFile(i int, place string) string {
	if i == 0 {
		return ":" + place
	}
	return s.Files[i].Path + ":" + place
}

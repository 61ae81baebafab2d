package survey

import (
	"path"
	"slices"
	"strings"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/source"
)

// guessImages finds the mask and the probe.
func (s *Survey) guessImages(of frames) {
	first := &s.Files[0]
	if first.known != nil && first.known.Facts.Bad != nil {
		s.Guesses = append(s.Guesses, Guess{
			Role: Mask, File: first.Path, Paths: []string{}, Why: "by the layout", Known: true, score: knownScore,
			Flags: []string{},
		})
	}
	if first.has(source.Probe) {
		s.Guesses = append(s.Guesses, Guess{
			Role: Probe, File: first.Path, Paths: []string{first.known.Place(source.Probe)}, Why: "by the layout",
			Known: true, score: knownScore, Flags: []string{},
		})
	}
	for i := range s.Files {
		f := &s.Files[i]
		for _, e := range f.Entries {
			shape := npz.Header{Shape: e.Shape}.ShapeText()
			if score := maskScore(e, of); score > 0 {
				s.Guesses = append(s.Guesses, Guess{
					Role: Mask, File: f.Path, Paths: []string{e.Path}, Why: shape + ", the size of a frame",
					Flags: []string{"--mask", s.inFile(i, e.Path)}, score: score + float64(i),
				})
			}
			if score := probeScore(e, of); score > 0 {
				s.Guesses = append(s.Guesses, Guess{
					Role: Probe, File: f.Path, Paths: []string{e.Path}, Why: shape + ", complex",
					Flags: []string{"--probe-file", s.inFile(i, e.Path)}, score: score + float64(i),
				})
			}
		}
	}
}

// maskScore is larger, the more an array looks like a mask of the detector; 0: it does not.
func maskScore(e source.Entry, of frames) float64 {
	shape := e.Shape
	if len(shape) == 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	named := strings.Contains(strings.ToLower(path.Base(e.Path)), "mask") ||
		wordScore(path.Base(e.Path), []string{"bad", "gap", "gaps", "valid"}, 1) > 0
	if !named || e.Fault != "" || of.count == 0 || !slices.Equal(shape, []int{of.height, of.width}) ||
		!(npz.Header{Dtype: e.Type}).Real() {
		return 0
	}
	return 10 - 0.1*float64(strings.Count(e.Path, "/"))
}

// probeScore is larger, the more an array looks like a probe; 0: it does not.
func probeScore(e source.Entry, of frames) float64 {
	rank := len(e.Shape)
	h := npz.Header{Dtype: e.Type}
	if rank < 2 || rank > 5 || e.Fault != "" || h.Real() || !h.Numeric() || ndarray.Size(e.Shape) == 0 {
		return 0
	}
	n := e.Shape[rank-1]
	if e.Shape[rank-2] != n || of.count > 0 && n != of.height {
		return 0
	}
	if score := wordScore(e.Path, []string{"probe", "illumination", "beam", "wavefront"}, 10); score > 0 {
		return score
	}
	if wordScore(e.Path, []string{"object", "obj", "y", "truth"}, 1) > 0 || rank > 3 {
		return 0
	}
	return 1
}

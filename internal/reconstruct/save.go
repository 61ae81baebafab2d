package reconstruct

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/npz"
	"ptyx/internal/render"
)

// The files of an output directory.
const (
	ObjectFile    = "reconstruction.npz"
	AmplitudeFile = "reconstructed_amplitude.png"
	PhaseFile     = "reconstructed_phase.png"
	SpreadFile    = "reconstructed_spread.png"   // how far overlapping patches disagree: no calibrated error
	CoverageFile  = "reconstructed_coverage.png" // summed probe weights, of the whole canvas
)

// Save writes the object with its provenance, and its pictures, side by side. The object is saved as the network gave it;
// in its pictures the phase is flattened. On error every file is as it was or whole.
func (r *Result) Save(dir, modelDigest string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the output directory: %w", err)
	}
	var g errgroup.Group
	if len(r.Object.Data) > sideBySide {
		g.SetLimit(1)
		debug.FreeOSMemory() // of the canvas, which is larger than all that follows
	}
	g.Go(func() error {
		if err := npz.Write(filepath.Join(dir, ObjectFile), r.members(modelDigest)); err != nil {
			return fmt.Errorf("writing the object: %w", err)
		}
		return nil
	})
	for _, p := range r.pictures() {
		g.Go(func() error {
			if err := p.draw(filepath.Join(dir, p.file)); err != nil {
				return fmt.Errorf("drawing the %s: %w", p.what, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// sideBySide is the largest object, in pixels, whose files are written at the same time: for a larger one the memory that this
// takes would be that of the whole run.
const sideBySide = 1 << 20

// members are the arrays of ObjectFile.
func (r *Result) members(modelDigest string) []npz.Member {
	members := []npz.Member{
		{Key: "object", Value: r.Object},
		{Key: "origin", Value: []int64{int64(r.Row), int64(r.Col)}},
		{Key: "coverage", Value: r.Coverage},
		{Key: "spread", Value: r.Spread},
		{Key: "xcoords", Value: r.X},
		{Key: "ycoords", Value: r.Y},
		{Key: "scan_index", Value: r.IDs},
		{Key: "model_digest", Value: modelDigest},
		{Key: "provider", Value: r.Provider},
	}
	if r.Probe != nil {
		members = append(members, npz.Member{Key: "probeGuess", Value: r.Probe})
	}
	return append(members, r.Extra...)
}

type picture struct {
	file, what string
	draw       func(path string) error
}

func (r *Result) pictures() []picture {
	view := render.View{Row: r.Row, Col: r.Col, Coverage: r.Coverage}
	whole := render.View{Row: r.Row, Col: r.Col} // also the border that the others leave out
	return []picture{
		{AmplitudeFile, "amplitude", func(path string) error { return render.Amplitude(path, r.Object, view) }},
		{PhaseFile, "phase", func(path string) error { return render.Phase(path, r.Object, view) }},
		{SpreadFile, "spread", func(path string) error {
			return render.Map(path, r.Spread, view, "disagreement of overlapping patches")
		}},
		{CoverageFile, "coverage", func(path string) error {
			return render.Map(path, r.Coverage, whole, "coverage (patches at the probe's peak)")
		}},
	}
}

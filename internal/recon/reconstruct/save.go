package reconstruct

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/format/npz"
	"ptyx/internal/format/render"
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
	for _, p := range r.Pictures() {
		g.Go(func() error {
			if err := p.draw(filepath.Join(dir, p.File)); err != nil {
				return fmt.Errorf("drawing the %s: %w", p.What, err)
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

// Encode writes the bytes of ObjectFile to w.
func (r *Result) Encode(w io.Writer, modelDigest string) error {
	return npz.WriteTo(w, r.members(modelDigest))
}

// Picture is one of the files that Save writes beside the object.
type Picture struct {
	File, What string
	Panel      func() (*render.Panel, error)
}

// Pictures are all of them.
func (r *Result) Pictures() []Picture {
	view := render.View{Row: r.Row, Col: r.Col, Coverage: r.Coverage}
	whole := render.View{Row: r.Row, Col: r.Col} // also the border that the others leave out
	return []Picture{
		{AmplitudeFile, "amplitude", func() (*render.Panel, error) { return render.AmplitudePanel(r.Object, view) }},
		{PhaseFile, "phase", func() (*render.Panel, error) { return render.PhasePanel(r.Object, view) }},
		{SpreadFile, "spread", func() (*render.Panel, error) {
			return render.MapPanel(r.Spread, view, "disagreement of overlapping patches")
		}},
		{CoverageFile, "coverage", func() (*render.Panel, error) {
			return render.MapPanel(r.Coverage, whole, "coverage (patches at the probe's peak)")
		}},
	}
}

// draw writes the picture's file.
func (p Picture) draw(path string) error {
	panel, err := p.Panel()
	if err != nil {
		return err
	}
	return render.Sheet(path, [][]render.Cell{{panel}})
}

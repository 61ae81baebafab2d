package reconstruct

import (
	"fmt"
	"os"
	"path/filepath"

	"ptyx/internal/npz"
	"ptyx/internal/render"
)

// The files of an output directory.
const (
	ObjectFile    = "reconstruction.npz"
	AmplitudeFile = "reconstructed_amplitude.png"
	PhaseFile     = "reconstructed_phase.png"
)

// Save writes the object with its provenance, and its pictures. The object is saved as the network gave it; the pictures
// are flattened.
func (r *Result) Save(dir, modelDigest string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the output directory: %w", err)
	}
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
	if err := npz.Write(filepath.Join(dir, ObjectFile), members); err != nil {
		return fmt.Errorf("writing the object: %w", err)
	}
	view := render.View{Row: r.Row, Col: r.Col, Coverage: r.Coverage}
	if err := render.Amplitude(filepath.Join(dir, AmplitudeFile), r.Object, view); err != nil {
		return fmt.Errorf("drawing the amplitude: %w", err)
	}
	if err := render.Phase(filepath.Join(dir, PhaseFile), r.Object, view); err != nil {
		return fmt.Errorf("drawing the phase: %w", err)
	}
	return nil
}

package validate_test

import (
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/format/npz"
	"ptyx/internal/quality/validate"
	"ptyx/internal/scan/simulate"
)

// TestOrientationsWithoutAProbe: the probe is made from the patterns. A turn by half a turn goes unseen, as the twin
// image explains the patterns as well. A quarter turn needs both a swap and a flip; each case makes five guesses.
func TestOrientationsWithoutAProbe(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(x, y float64) (float64, float64)
		fix   string // of the error; empty: no finding
	}{
		{"half a turn", func(x, y float64) (float64, float64) { return -x, -y }, ""},
		{"quarter turn", func(x, y float64) (float64, float64) { return -y, x }, "use --swap-xy --flip-x, or"},
	} {
		d := simulated(t, simulate.Options{ // few patterns: each guess tries 57 probes on all of them
			N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 20,
			Scan: simulate.Fermat, Count: 30, Step: 6, Photons: 1e5, Seed: 3,
		})
		for i := range d.X {
			d.X[i], d.Y[i] = c.spoil(d.X[i], d.Y[i])
		}
		path := filepath.Join(t.TempDir(), "scan.npz")
		members := []npz.Member{
			{Key: "diffraction", Value: d.Patterns}, {Key: "xcoords", Value: d.X}, {Key: "ycoords", Value: d.Y},
		}
		if err := npz.Write(path, members); err != nil {
			t.Fatal(err)
		}
		r := file(t, path, validate.Options{})
		if r.Facts == nil || !r.Facts.Guessed || r.Facts.Probe == nil || r.Facts.Overlap == nil {
			t.Errorf("%s: no probe was made:\n%s", c.name, text(t, r))
		}
		switch {
		case c.fix == "" && len(r.Findings) > 0:
			t.Errorf("%s:\n%s", c.name, text(t, r))
		case c.fix != "" && (len(r.Findings) != 1 || !strings.HasPrefix(r.Findings[0].Fix, c.fix)):
			t.Errorf("%s: want the fix %s:\n%s", c.name, c.fix, text(t, r))
		}
	}
}

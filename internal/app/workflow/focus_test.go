package workflow

import (
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/format/npz"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/simulate"
	ort "ptyx/runtime"
)

// Patterns that hardly overlap are reconstructed with a probe in the right focus, although the given one is out of it.
// The result says so.
func TestInferFindsTheFocus(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scan.npz")
	if _, err := simulate.File(t.Context(), path, simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 16,
		Scan: simulate.Fermat, Count: 60, Step: 20, Photons: 1e6, Seed: 4,
	}); err != nil {
		t.Fatal(err)
	}
	truth := probeOf(t, path)
	o := InferOptions{Scan: path, Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 1}}
	reached := map[string]float64{}
	for name, passes := range map[string]int{"as given": 0, "calibrated": solve.CalibrationPasses} {
		o.Probe = ProbeChoice{From: probeFile(t, optics.NewDefocus(truth).Probe(1.3)), Passes: passes}
		dir, correlation, log := withProbe(t, o)
		reached[name] = correlation
		result := filepath.Join(dir, reconstruct.ObjectFile)
		f, err := npz.Open(result)
		if err != nil {
			t.Fatal(err)
		}
		source, _ := f.String(reconstruct.KeyNetworkProbe)
		f.Close()
		found := passes > 0
		if strings.Contains(source, "another focus by -1.") != found || strings.Contains(log, "focus") != found {
			t.Errorf("%s: the probe is %q, the log says %s", name, source, log)
		}
		if likeness, _ := optics.Likeness(probeOf(t, result), truth); (likeness > 0.95) != found {
			t.Errorf("%s: a likeness of %.3f to the true probe", name, likeness)
		}
	}
	t.Logf("correlations %v", reached)
	if !(reached["calibrated"] > reached["as given"]+0.05) {
		t.Errorf("correlations %v", reached)
	}
}

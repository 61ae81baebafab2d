package trainer

import (
	"testing"

	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/simulate"
)

// TestATrainingReplacesAWrongProbe: it starts with a probe like the true one, though the scan has the wrong sign of its
// defocus.
func TestATrainingReplacesAWrongProbe(t *testing.T) {
	t.Parallel()
	d, err := simulate.Run(t.Context(), simulate.Options{
		N: 32, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 12,
		Scan: simulate.Fermat, Count: 20, Step: 3, Photons: 1e6, Seed: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	right := d.Probe.Clone()
	for i, v := range d.Probe.Data {
		d.Probe.Data[i] = complex(real(v), -imag(v))
	}
	c := small()
	c.N, c.Probe, c.ProbePasses = 32, ProbeTrainable, 3
	r, _ := request(c, written(t, d, nil), fast(t, 1))
	train, _, err := r.data()
	if err != nil {
		t.Fatal(err)
	}
	defer train.Close()
	probes, err := r.probes(t.Context(), train)
	if err != nil {
		t.Fatal(err)
	}
	if like, _ := optics.Likeness(probes[0], right); !(like > 0.9) {
		t.Errorf("a likeness of %.3f to the true probe", like)
	}
}

package trainer

import (
	"context"
	"errors"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	"ptyx/models"
)

// TestUnlikeProbesAreRefused before training, for the network that holds the first scan's probe. Scans of one probe with
// few photons are not refused for the noise of their calibrations.
func TestUnlikeProbesAreRefused(t *testing.T) {
	t.Parallel()
	made := func(width, photons float64, seed uint64) dataset.ScanData {
		data, err := simulate.Run(t.Context(), simulate.Options{
			N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: width,
			Scan: simulate.Raster, Count: 49, Step: 8, Photons: photons, Seed: seed,
		})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	shifted := made(20, 1e6, 2)
	shifted.Probe = optics.ShiftProbe(shifted.Probe, 3, 0)
	first := made(20, 1e6, 1)
	for name, c := range map[string]struct {
		first, second dataset.ScanData
		network       models.Kind
		passes        int
		refused       bool
	}{
		"alike":              {first, made(19, 1e6, 2), models.Estimate, 0, false},
		"narrower":           {first, made(14, 1e6, 2), models.Estimate, 0, true},
		"alike, few photons": {made(20, 1e3, 1), made(20, 1e3, 2), models.Estimate, 10, false},
		"calibrated":         {first, made(14, 1e6, 2), models.Estimate, 10, true},
		"shifted":            {first, shifted, models.Estimate, 0, true},
		"no probe inside":    {first, made(14, 1e6, 2), models.Pattern, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := small()
			config.Network, config.ProbePasses, config.Probe = c.network, c.passes, ProbeTrainable
			r, _ := request(config, opened(t, c.first), engine.Tape{})
			r.Scans = append(r.Scans, opened(t, c.second))
			prepared, err := r.prepare(context.Background())
			var bad *badinput.Error
			if refused := errors.As(err, &bad) && bad.File == r.Scans[1].Path && bad.Key == dataset.KeyProbe; refused !=
				c.refused || err != nil && !refused {
				t.Errorf("refused %t, error %v", refused, err)
			}
			if err == nil {
				prepared.close()
			}
		})
	}
}

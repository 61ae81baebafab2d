package export_test

import (
	"bytes"
	"testing"

	"ptyx/export"
	"ptyx/internal/graph/contract"
	"ptyx/internal/physics/optics"
)

// A checkpoint with another probe has the bytes of one that was made with that probe.
func TestAnotherProbeIsAnotherDefault(t *testing.T) {
	c := unrolled()
	other := metadata(c)
	other.Probe = optics.ShiftProbe(other.Probe, 3, 1)
	optics.NormalisePower(other.Probe, 500)
	other.Photons = optics.Power(other.Probe)
	want, err := export.Checkpoint(c, weights(c), other)
	if err != nil {
		t.Fatal(err)
	}
	m := checkpoint(t, c)
	if _, err := contract.WithProbe(m, other.Probe); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Marshal(), want.Marshal()) {
		t.Error("the files differ")
	}
}

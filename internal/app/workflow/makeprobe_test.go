package workflow

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/testutil"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
)

// model is a zone plate without a scan.
func model(t *testing.T) ProbeOptions {
	return ProbeOptions{
		N: 64, Optic: ZonePlate, Out: filepath.Join(t.TempDir(), "p.npz"),
		Values: OpticValues{ApertureUM: Pair{100, 100}, ZoneNM: 80, StopUM: 30, DefocusUM: 50},
		Read:   dataset.Options{View: dataset.View{EnergyEV: 8000, PixelSizeNM: 25}},
	}
}

// TestAModelledProbeIsWritten: the file holds the probe of package optics, in the scan's sampling, beside a picture.
func TestAModelledProbeIsWritten(t *testing.T) {
	o := model(t)
	made, err := MakeProbe(t.Context(), o, silent())
	if err != nil {
		t.Fatal(err)
	}
	want, err := optics.ZonePlate{Diameter: 100e-6, OuterZone: 80e-9, Stop: 30e-6, Defocus: 50e-6}.Probe(
		optics.Sampling{N: 64, Wavelength: 1.5498e-10, Pixel: 25e-9})
	if err != nil {
		t.Fatal(err)
	}
	got, err := dataset.ReadProbe(made.File, 64, "", silent())
	if err != nil {
		t.Fatal(err)
	}
	if like, shift := optics.Likeness(got, want); !(like > 0.9999 && shift < 0.01) {
		t.Errorf("likeness %.5f, shift %.3f", like, shift)
	}
	if _, err := os.Stat(made.Picture); err != nil || made.Size != 64 || !(math.Abs(*made.PixelSizeNM-25) < 1e-9) {
		t.Errorf("%+v: %v", made, err)
	}
	// The distance and the detector give the same pixel.
	o.Read.View = dataset.View{EnergyEV: 8000, DistanceM: 25e-9 * 64 * 75e-6 / 1.549802e-10, DetectorPixelUM: 75}
	if _, err := MakeProbe(t.Context(), o, silent()); err != nil {
		t.Fatal(err)
	}
	again, err := dataset.ReadProbe(o.Out, 64, "", silent())
	if err != nil {
		t.Fatal(err)
	}
	if like, _ := optics.Likeness(got, again); !(like > 0.9999) {
		t.Errorf("by the distance, the likeness is %.5f", like)
	}
}

// TestFlagsOfOtherOptics: a flag that is missing, or that the optic does not have, is refused, and nothing is written.
func TestFlagsOfOtherOptics(t *testing.T) {
	for name, c := range map[string]struct {
		key    string
		change func(o *ProbeOptions)
	}{
		"no zone":           {"--zone-nm", func(o *ProbeOptions) { o.Values.ZoneNM = 0 }},
		"a mirror's focus":  {"--focal-mm", func(o *ProbeOptions) { o.Values.FocalMM = Pair{1, 1} }},
		"a hole's zones":    {"--zone-nm", func(o *ProbeOptions) { o.Optic = Pinhole }},
		"optics, patterns":  {"--aperture-um", func(o *ProbeOptions) { o.Optic = OfPatterns }},
		"patterns, no scan": {"--data", func(o *ProbeOptions) { o.Optic, o.Values = OfPatterns, OpticValues{} }},
		"no size":           {"--n", func(o *ProbeOptions) { o.N = 0 }},
		"no energy":         {"--energy-ev", func(o *ProbeOptions) { o.Read.View.EnergyEV = 0 }},
		"a picture's name":  {"--out", func(o *ProbeOptions) { o.Out = filepath.Join(filepath.Dir(o.Out), "p.png") }},
	} {
		o := model(t)
		c.change(&o)
		var bad *badinput.Error
		if _, err := MakeProbe(t.Context(), o, silent()); !errors.As(err, &bad) || bad.Key != c.key {
			t.Errorf("%s: %v, want a fault of %s", name, err, c.key)
		}
		if files, _ := os.ReadDir(filepath.Dir(o.Out)); len(files) > 0 {
			t.Errorf("%s: %d files are left", name, len(files))
		}
	}
}

// TestTheProbeOfPatterns: ptyx probe finds what ptyx solve takes.
func TestTheProbeOfPatterns(t *testing.T) {
	testutil.Slow(t)
	o := ProbeOptions{
		Optic: OfPatterns, Scan: withoutProbe(t, simulated(t, 64, 20)), Out: filepath.Join(t.TempDir(), "p.npz"),
		Read: dataset.Options{Input: dataset.Amplitude},
	}
	made, err := MakeProbe(t.Context(), o, silent())
	if err != nil {
		t.Fatal(err)
	}
	solver := SolveOptions{Scan: o.Scan, Read: o.Read}
	p := problemOf(t, solver, silent())
	got, err := dataset.ReadProbe(made.File, 64, "", silent())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Data, p.Probe.Data) {
		t.Error("two different probes")
	}
}

// Package simulate makes scans with known truth.
//
// An object, a probe and positions, each of a kind, make a scene; the forward model of package optics makes its
// patterns, with photon noise. Everything is drawn from one seed. A pattern draws from the seed and its own number, so
// that the result does not depend on how many are computed at once. Shapes: object (H, W) and probe (N, N) complex64,
// patterns (M, N, N) amplitudes, positions (M) object pixels from the object's top left. dataset.Write writes the
// result.
package simulate

import (
	"context"
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
)

// Options describe a scan to be made.
type Options struct {
	N          int
	Object     ObjectKind
	Absorption float64 // the object's amplitude falls to exp(-Absorption)
	Phase      float64 // the object's largest phase, radians
	Probe      ProbeKind
	ProbeSize  float64 // width, pixels; see Probe
	Scan       ScanKind
	Count      int     // patterns
	Step       float64 // mean distance of neighbouring patterns, pixels
	Photons    float64 // mean per pattern; 0 with ObjectFile: what its probe gives
	Noiseless  bool
	Seed       uint64
	ObjectFile string // take objectGuess, probeGuess, xcoords and ycoords from this NPZ instead of making them
}

// Run makes a scan. Noiseless patterns are exactly I = |FFT2(P O)|^2 / N^2 of the probe and the object that it returns.
// The probe is scaled to a mean of Photons per pattern; one from ObjectFile is kept if Photons is 0. If ctx is done
// early, Run returns its error.
func Run(ctx context.Context, o Options) (dataset.ScanData, error) {
	scan, err := o.prepare(ctx)
	if err != nil {
		return dataset.ScanData{}, err
	}
	n := scan.Probe.Shape[0]
	scan.Patterns = ndarray.New[float32](len(scan.X), n, n)
	left := scan.Patterns.Data
	err = measure(ctx, scan, o, func(part []float32) error {
		left = left[copy(left, part):]
		return nil
	})
	if err != nil {
		return dataset.ScanData{}, err
	}
	return scan, nil
}

// prepare makes everything but the patterns.
func (o Options) prepare(ctx context.Context) (dataset.ScanData, error) {
	if err := o.validate(); err != nil {
		return dataset.ScanData{}, err
	}
	scan, err := o.scene(ctx)
	if err != nil {
		return dataset.ScanData{}, err
	}
	if o.Photons > 0 {
		given := light(ctx, scan) / float64(len(scan.X))
		optics.NormalisePower(scan.Probe, optics.Power(scan.Probe)*o.Photons/given)
	}
	return scan, ctx.Err()
}

// Bounds of what can be simulated.
const (
	maxAbsorption = 20      // nothing real is blacker, and float32 still holds its amplitude
	maxPhotons    = 1e15    // per pattern; beyond, Poisson counts outgrow double precision
	maxPixels     = 1 << 31 // of all patterns: 8 GiB
)

func (o Options) validate() error {
	fault := func(key string, found any, expected string) error {
		return &badinput.Error{Key: key, Found: fmt.Sprint(found), Expected: expected}
	}
	if o.ObjectFile != "" && o.Photons == 0 {
		return nil
	}
	if !(o.Photons > 0) || o.Photons > maxPhotons {
		return fault("--nphotons", o.Photons, fmt.Sprintf("more than 0 and at most %g", maxPhotons))
	}
	if o.ObjectFile != "" {
		return nil
	}
	switch {
	case !dataset.HasSize(o.N):
		return fault("--n", o.N, dataset.SizeRule())
	case o.Count < 1 || o.Count > maxPixels/(o.N*o.N):
		return fault("--positions", o.Count, fmt.Sprintf("1 to %d", maxPixels/(o.N*o.N)))
	case !(o.Step > 0) || o.Step > float64(o.N):
		return fault("--step", o.Step, "more than 0 and at most the pattern size")
	case !(o.ProbeSize >= 1) || o.ProbeSize > float64(o.N)/2:
		return fault("--probe-size", o.ProbeSize, "1 pixel to half the pattern size")
	case !(o.Absorption >= 0) || o.Absorption > maxAbsorption:
		return fault("--absorption", o.Absorption, fmt.Sprintf("0 to %d", maxAbsorption))
	case math.IsNaN(o.Phase) || math.IsInf(o.Phase, 0):
		return fault("--phase", o.Phase, "a number of radians")
	}
	return nil
}

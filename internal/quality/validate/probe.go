package validate

import (
	"fmt"
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
)

const (
	leastLikeness = 0.8  // of the mean pattern to the probe's far field
	sameLikeness  = 0.95 // of the mean pattern to the probe itself, if it is the far field; by chance 0.9
	largestRim    = 0.02 // share of the probe's power on the outermost ring of pixels
)

// probe compares the probe with the patterns: its centre, the likeness of its far field to the mean pattern, and its
// rim. Where the patterns are off centre, or speckles, the probe is not to blame for the likeness.
func probe(x *exam) []Finding {
	if x.probe == nil || x.power == 0 {
		return nil
	}
	n, intensity := x.n, intensityOf(x.probe)
	if at := beamOf(intensity, n); at.sharp && at.distance(n) > float64(n)/4 {
		return []Finding{{
			Severity: Error, Key: dataset.KeyProbe,
			Found: fmt.Sprintf("the probe's light around row %.0f, column %.0f: its centre is in the corner",
				at.row, at.col),
			Expected: fmt.Sprintf("the middle, [%d, %d]", n/2, n/2), Fix: "save numpy.fft.fftshift(probe)",
		}}
	}
	same, swapped := likeness(x.mean, farField(x.probe)), likeness(x.mean, intensity)
	x.facts.FarField = finite(same)
	var findings []Finding
	switch {
	case x.report.reports("centre") || !(same < leastLikeness) || x.contrast() > diffuse:
	case swapped > sameLikeness:
		findings = append(findings, Finding{
			Severity: Error, Key: dataset.KeyProbe,
			Found: fmt.Sprintf("a probe that looks like the mean pattern itself (likeness %.2f, of its far field "+
				"%.2f): it is given on the detector", swapped, same),
			Expected: "the probe on the object",
			Fix:      "save numpy.fft.fftshift(numpy.fft.ifft2(numpy.fft.ifftshift(probe)))",
		})
	default:
		findings = append(findings, Finding{
			Severity: Warning, Key: dataset.KeyProbe,
			Found: fmt.Sprintf("a far field of the probe that is not much like the mean pattern: likeness %.2f",
				same),
			Expected: fmt.Sprintf("%.1f or more", leastLikeness),
			Fix: "give the right probe with --probe-file; check detector pixel, distance and wavelength, " +
				"which set the probe's scale",
		})
	}
	if rim := rimShare(intensity, n); rim > largestRim {
		findings = append(findings, Finding{
			Severity: Warning, Key: dataset.KeyProbe,
			Found: fmt.Sprintf("a probe that is cut off by its frame: %.0f%% of its light on the outermost pixels",
				100*rim),
			Expected: "a probe that fades before",
			Fix:      "crop the detector less, so that the probe's frame is wider than it",
		})
	}
	return findings
}

// intensityOf is |P|^2, (N, N).
func intensityOf(probe *ndarray.Complex64) []float64 {
	out := make([]float64, len(probe.Data))
	for i, v := range probe.Data {
		out[i] = float64(real(v))*float64(real(v)) + float64(imag(v))*float64(imag(v))
	}
	return out
}

// farField is the pattern of the probe without an object, (N, N), zero frequency at [N/2, N/2].
func farField(probe *ndarray.Complex64) []float64 {
	n := probe.Shape[0]
	wave, out := make([]complex128, n*n), make([]float64, n*n)
	for i, v := range probe.Data {
		wave[i] = complex128(v)
	}
	optics.NewPropagator(n).Intensity(wave, out)
	return out
}

// likeness is Bhattacharyya's coefficient of two intensities, sum sqrt(a b) / sqrt(sum a sum b): 1 where they are
// proportional.
func likeness(a, b []float64) float64 {
	ab, aa, bb := 0.0, 0.0, 0.0
	for i := range a {
		ab, aa, bb = ab+math.Sqrt(a[i]*b[i]), aa+a[i], bb+b[i]
	}
	return ab / math.Sqrt(aa*bb)
}

// rimShare is the share of the light on the outermost ring of pixels.
func rimShare(intensity []float64, n int) float64 {
	rim, all := 0.0, 0.0
	for i, v := range intensity {
		all += v
		if r, c := i/n, i%n; r == 0 || c == 0 || r == n-1 || c == n-1 {
			rim += v
		}
	}
	return rim / all
}

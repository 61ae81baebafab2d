package validate

import (
	"fmt"
	"math"
	"math/cmplx"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
)

const (
	leastLikeness  = 0.8  // of the mean pattern to the probe's far field
	leastAgreement = 0.9  // of the probe as given with the one fitted to the patterns
	spilling       = 0.02 // of the probe's power on the outermost ring of pixels
)

// probe compares the probe with the patterns; where their light is beside that of its far field, it is not to blame for that.
func probe(scan *dataset.Scan, s *survey, f *Facts, beside bool) []Finding {
	if scan.Probe == nil || s.power == 0 {
		return nil
	}
	n, fix := scan.N, "give the right probe with --probe-file"
	intensity := intensityOf(scan.Probe)
	if at := beamOf(intensity, n); at.sharp && at.away(n) > float64(n)/4 {
		return []Finding{{
			Severity: Error, Check: "probe", Key: dataset.KeyProbe, Found: fmt.Sprintf("the probe's light around row %.0f, column %.0f: its centre is in the corner", at.row, at.col),
			Expected: fmt.Sprintf("the middle, [%d, %d]", n/2, n/2), Fix: "save numpy.fft.fftshift(probe)",
		}}
	}
	far := farField(scan.Probe)
	same := likeness(s.mean, far)
	f.FarField = finite(same)
	var findings []Finding
	switch swapped := likeness(s.mean, intensity); {
	case beside:
	case same < leastLikeness && swapped > max(same, leastLikeness):
		findings = append(findings, Finding{
			Severity: Error, Check: "probe", Key: dataset.KeyProbe, Found: fmt.Sprintf("a probe that looks like the mean pattern itself (likeness %.2f, of its far field %.2f): it is given on the detector", swapped, same),
			Expected: "the probe on the object", Fix: "save numpy.fft.fftshift(numpy.fft.ifft2(numpy.fft.ifftshift(probe)))",
		})
	case same < leastLikeness:
		findings = append(findings, Finding{
			Severity: Warning, Check: "probe", Key: dataset.KeyProbe, Found: fmt.Sprintf("a far field of the probe that is not much like the mean pattern: likeness %.2f", same),
			Expected: fmt.Sprintf("%.1f or more", leastLikeness), Fix: fix + "; check detector pixel, distance and wavelength, which set the probe's scale",
		})
	}
	if rim := rimShare(intensity, n); rim > spilling {
		findings = append(findings, Finding{
			Severity: Warning, Check: "probe", Key: dataset.KeyProbe, Found: fmt.Sprintf("a probe that is cut off by its frame: %.0f%% of its light on the outermost pixels", 100*rim),
			Expected: "a probe that fades before", Fix: "crop the detector less, so that the probe's frame is wider than it",
		})
	}
	return findings
}

// calibrated tells of a probe that moves far when it is fitted to the patterns together with the object.
func calibrated(scan *dataset.Scan, fitted *ndarray.Complex64, f *Facts) []Finding {
	same := agreement(scan.Probe, fitted)
	if f.Calibrated = finite(same); same >= leastAgreement {
		return nil
	}
	return []Finding{{
		Severity: Warning, Check: "calibration", Key: dataset.KeyProbe,
		Found:    fmt.Sprintf("a probe that the patterns contradict: fitted to them by %d passes of ePIE, another comes out, of a complex correlation of %.2f with it", passes, same),
		Expected: fmt.Sprintf("%.1f or more", leastAgreement), Fix: "train with --probe trainable, as is the default, never with --probe fixed",
	}}
}

// agreement is |<a, b>| / (|a| |b|) of two probes.
func agreement(a, b *ndarray.Complex64) float64 {
	var ab complex128
	for i, v := range a.Data {
		ab += cmplx.Conj(complex128(v)) * complex128(b.Data[i])
	}
	return cmplx.Abs(ab) / math.Sqrt(optics.Power(a)*optics.Power(b))
}

// intensityOf is |P|^2.
func intensityOf(probe *ndarray.Complex64) []float64 {
	out := make([]float64, len(probe.Data))
	for i, v := range probe.Data {
		out[i] = float64(real(v))*float64(real(v)) + float64(imag(v))*float64(imag(v))
	}
	return out
}

// farField is the pattern of the probe without an object, zero frequency at [N/2, N/2].
func farField(probe *ndarray.Complex64) []float64 {
	n := probe.Shape[0]
	wave, out := make([]complex128, n*n), make([]float64, n*n)
	for i, v := range probe.Data {
		wave[i] = complex128(v)
	}
	optics.NewPropagator(n).Intensity(wave, out)
	return out
}

// diameter is that of a disc of even light with the probe's sum |P|^2 and sum |P|^4: of a gaussian, the width at 1/e^2.
func diameter(probe *ndarray.Complex64) float64 {
	sum, squares := 0.0, 0.0
	for _, v := range intensityOf(probe) {
		sum, squares = sum+v, squares+v*v
	}
	return 2 * math.Sqrt(sum*sum/squares/math.Pi)
}

// likeness is sum sqrt(a b) / sqrt(sum a sum b) of two intensities: 1 where they are equal but for a factor (Bhattacharyya's
// coefficient).
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

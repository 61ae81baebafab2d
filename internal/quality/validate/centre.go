package validate

import (
	"fmt"
	"math"
	"math/cmplx"

	"ptyx/internal/physics/spectrum"
	"ptyx/internal/scan/dataset"
)

// beam is where the light of an image lies, on the torus that a periodic image is.
type beam struct {
	row, col float64 // in [0, N)
	sharp    bool    // false: the light is spread so evenly that it has no centre
}

// sharpness is how far the mean of exp(2 pi i r / N) is from 0 at least, of light that has a centre.
const sharpness = 0.1

// beamOf is the cyclic centroid of an image (N, N).
func beamOf(image []float64, n int) beam {
	var rows, cols complex128
	sum := 0.0
	for i, v := range image {
		rows += cmplx.Rect(v, 2*math.Pi*float64(i/n)/float64(n))
		cols += cmplx.Rect(v, 2*math.Pi*float64(i%n)/float64(n))
		sum += v
	}
	place := func(z complex128) float64 {
		return math.Mod(math.Round(100*(cmplx.Phase(z)/(2*math.Pi)*float64(n)+float64(n)))/100, float64(n)) // to what it is told
	}
	return beam{row: place(rows), col: place(cols), sharp: min(cmplx.Abs(rows), cmplx.Abs(cols)) >= sharpness*sum}
}

// away is the distance from [N/2, N/2], in pixels.
func (b beam) away(n int) float64 {
	return math.Hypot(b.row-float64(n/2), b.col-float64(n/2))
}

// centre tells of a direct beam that is not in the middle of the patterns.
func (s *survey) centre(scan *dataset.Scan) []Finding {
	at := beamOf(s.mean, s.n)
	if s.power == 0 || !at.sharp {
		return nil
	}
	if at.away(s.n) > float64(s.n)/4 {
		return []Finding{{
			Severity: Error, Check: "centre", Key: s.key, Found: fmt.Sprintf("the light around row %.1f, column %.1f: zero frequency in the corner", at.row, at.col),
			Expected: fmt.Sprintf("zero frequency in the middle, [%d, %d]", s.n/2, s.n/2), Fix: "save numpy.fft.fftshift(patterns, axes=(1, 2))",
		}}
	}
	rows, cols := s.displaced(scan, at)
	if rows == 0 && cols == 0 {
		return nil
	}
	return []Finding{{
		Severity: Warning, Check: "centre", Key: s.key, Found: fmt.Sprintf("the light around row %.1f, column %.1f", at.row, at.col),
		Expected: fmt.Sprintf("it %d rows and %d columns further, with zero frequency at [%d, %d]", rows, cols, s.n/2, s.n/2),
		Fix:      fmt.Sprintf("crop the detector around the beam: numpy.roll(patterns, (%d, %d), (1, 2)) where the rim is dark", rows, cols),
	}}
}

const (
	offCentre = 16   // part of the pattern by which the light's centroid may lie beside: objects scatter to one side, too
	gained    = 0.05 // likeness of the mean pattern to the probe's far field, by moving one: less is no displacement
)

// displaced is by how many rows and columns the patterns have to be moved: until the mean pattern is most like the probe's far
// field, or, without a probe, until its centroid is in the middle. Small displacements are 0.
func (s *survey) displaced(scan *dataset.Scan, at beam) (rows, cols int) {
	if scan.Probe == nil {
		if at.away(s.n) <= float64(s.n)/offCentre {
			return 0, 0
		}
		return s.n/2 - int(math.Round(at.row)), s.n/2 - int(math.Round(at.col))
	}
	far := farField(scan.Probe)
	correlation := rootField(far, s.n)
	pattern := rootField(s.mean, s.n)
	correlation.FFT()
	pattern.FFT()
	for i, v := range pattern.Data {
		correlation.Data[i] *= cmplx.Conj(v)
	}
	correlation.IFFT()
	best := 0
	for i, v := range correlation.Data {
		if real(v) > real(correlation.Data[best]) {
			best = i
		}
	}
	scale := 1 / math.Sqrt(total(far)*total(s.mean))
	moved, unmoved := real(correlation.Data[best])*scale, real(correlation.Data[0])*scale
	if moved < leastLikeness || moved < unmoved+gained { // another probe is not to be had by moving
		return 0, 0
	}
	return spectrum.Frequency(best/s.n, s.n), spectrum.Frequency(best%s.n, s.n)
}

// rootField is the square root of an intensity (n, n).
func rootField(intensity []float64, n int) *spectrum.Field {
	f := spectrum.New(n, n)
	for i, v := range intensity {
		f.Data[i] = complex(math.Sqrt(v), 0)
	}
	return f
}

func total(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum
}

package validate

import (
	"fmt"
	"math"
	"math/cmplx"

	"ptyx/internal/physics/spectrum"
)

const (
	sharpness = 0.1  // of spectrum.Centroid, from which light has a centre
	offCentre = 8    // fraction of N by which the light's centroid may be displaced: objects scatter to one side, too
	gained    = 0.05 // likeness gained by moving the mean pattern onto the probe's far field; less is no displacement
)

// beam is the centre of an image's light, in pixels from the first, in [0, N).
type beam struct {
	row, col float64
	sharp    bool // false: the light is so evenly spread that it has no centre
}

// beamOf finds the beam of an image (N, N), to a hundredth of a pixel.
func beamOf(image []float64, n int) beam {
	row, col, sharp := spectrum.Centroid(image, n)
	place := func(v float64) float64 { return math.Mod(math.Round(100*(v+float64(n)))/100, float64(n)) }
	return beam{row: place(row), col: place(col), sharp: sharp >= sharpness}
}

// distance is that from [N/2, N/2], in pixels.
func (b beam) distance(n int) float64 { return math.Hypot(b.row-float64(n/2), b.col-float64(n/2)) }

// centre looks for a direct beam that is not in the middle of the patterns.
func centre(x *exam) []Finding {
	at, n := beamOf(x.mean, x.n), x.n
	if x.power == 0 || !at.sharp {
		return nil
	}
	if at.distance(n) > float64(n)/4 {
		return []Finding{{
			Severity: Error, Key: x.key,
			Found: fmt.Sprintf("the light around row %.1f, column %.1f: zero frequency in the corner",
				at.row, at.col),
			Expected: fmt.Sprintf("zero frequency in the middle, [%d, %d]", n/2, n/2),
			Fix:      "save numpy.fft.fftshift(patterns, axes=(1, 2))",
		}}
	}
	if x.frames < meanPatterns && x.frames < x.scan.M {
		return nil // the mean of few patterns has their objects' shapes
	}
	rows, cols := x.displaced(at)
	if rows == 0 && cols == 0 {
		return nil
	}
	return []Finding{{
		Severity: Warning, Key: x.key, Found: fmt.Sprintf("the light around row %.1f, column %.1f", at.row, at.col),
		Expected: fmt.Sprintf("it %d rows and %d columns further, with zero frequency at [%d, %d]",
			rows, cols, n/2, n/2),
		Fix: fmt.Sprintf("crop the detector around the beam: numpy.roll(patterns, (%d, %d), (1, 2)) "+
			"where the rim is dark", rows, cols),
	}}
}

// displaced is by how many rows and columns the patterns have to be moved: until the mean pattern is most like the
// probe's far field, or, without a probe, until its centroid is in the middle. Small displacements are 0.
func (x *exam) displaced(at beam) (rows, cols int) {
	n := x.n
	if x.probe == nil {
		if at.distance(n) <= float64(n)/offCentre {
			return 0, 0
		}
		return n/2 - int(math.Round(at.row)), n/2 - int(math.Round(at.col))
	}
	far := farField(x.probe)
	correlation, pattern := rootField(far, n), rootField(x.mean, n)
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
	scale := 1 / math.Sqrt(total(far)*total(x.mean))
	moved, unmoved := real(correlation.Data[best])*scale, real(correlation.Data[0])*scale
	if moved < leastLikeness || moved < unmoved+gained { // moving does not make another probe right
		return 0, 0
	}
	return spectrum.Frequency(best/n, n), spectrum.Frequency(best%n, n)
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

package metrics

import (
	"math"
	"math/cmplx"
	"slices"

	"ptyx/internal/physics/spectrum"
)

// FRC is the Fourier ring correlation of two complex images: Re sum F1 conj(F2) / sqrt(sum |F1|^2 sum |F2|^2) over
// rings of equal spatial frequency, up to Nyquist, of the central square of the region under a Hann window.
type FRC struct {
	Side        int       `json:"side"`        // of the square, in pixels
	Frequency   []float64 `json:"frequency"`   // of each ring, in cycles per pixel
	Correlation []float64 `json:"correlation"` // of each ring
	HalfBit     []float64 `json:"half_bit"`    // threshold (van Heel and Schatz, J. Struct. Biol. 151, 250, 2005)
	AtHalfBit   Cutoff    `json:"at_half_bit"`
	AtSeventh   Cutoff    `json:"at_1_7"` // where the curve falls below 1/7
}

// Cutoff is where the curve first falls below a threshold, interpolated between rings. The resolution is the half
// period, the width of the finest line that is resolved: 1 pixel at Nyquist.
type Cutoff struct {
	Frequency       float64 `json:"frequency"` // in cycles per pixel
	HalfPeriod      float64 `json:"half_period_pixels"`
	HalfPeriodNM    float64 `json:"half_period_nm,omitempty"` // where the pixel size is known
	BeyondNyquist   bool    `json:"beyond_nyquist"`           // the curve never falls below: Frequency is Nyquist
	BelowFirstRings bool    `json:"below_first_rings"`        // the curve starts below: nothing is resolved
}

// firstRing is where the search for a cutoff starts. The window correlates the rings below, and they hold the halo and
// what remains of the ramp, which say nothing about resolution.
const firstRing = 3

// ringCorrelation of the central square of a and b.
func ringCorrelation(a, b *spectrum.Field, mask []bool, pixelNM float64) FRC {
	n := spectrum.Smooth(min(a.H, a.W))
	out := FRC{Side: n}
	for i, r := range rings(squareSpectrum(a, mask, n), squareSpectrum(b, mask, n))[:n/2+1] {
		out.Frequency = append(out.Frequency, float64(i)/float64(n))
		out.Correlation = append(out.Correlation, r.normalised(real(r.cross)))
		out.HalfBit = append(out.HalfBit, halfBit(r.count))
	}
	out.FindCutoffs(pixelNM)
	return out
}

// FindCutoffs computes both cutoffs from the curve. pixelNM is the width of a pixel in nanometres; 0: unknown.
func (f *FRC) FindCutoffs(pixelNM float64) {
	f.AtHalfBit = f.cutoff(f.HalfBit, pixelNM)
	f.AtSeventh = f.cutoff(slices.Repeat([]float64{1.0 / 7}, len(f.HalfBit)), pixelNM)
}

// ring is what two spectra sum to over the frequencies of one rounded radius.
type ring struct {
	cross          complex128 // sum F1 conj(F2)
	power1, power2 float64    // sums |F|^2
	count          float64    // of samples
}

// rings sums two spectra (n, n) over rings, from zero frequency to the corner.
func rings(a, b *spectrum.Field) []ring {
	n := a.W
	var out []ring
	for i, p := range a.Data {
		q, radius := b.Data[i], math.Hypot(float64(spectrum.Frequency(i/n, n)), float64(spectrum.Frequency(i%n, n)))
		at := int(math.Round(radius))
		if at >= len(out) {
			out = append(out, make([]ring, at+1-len(out))...)
		}
		r := &out[at]
		r.cross += p * cmplx.Conj(q)
		r.power1 += real(p)*real(p) + imag(p)*imag(p)
		r.power2 += real(q)*real(q) + imag(q)*imag(q)
		r.count++
	}
	return out
}

// normalised divides a correlation by the power of both; 0 without any.
func (r ring) normalised(correlation float64) float64 {
	if scale := math.Sqrt(r.power1 * r.power2); scale > 0 {
		return correlation / scale
	}
	return 0
}

// halfBit is the threshold at which a ring of n independent samples carries half a bit of information each.
func halfBit(n float64) float64 {
	root := math.Sqrt(n)
	return (0.2071 + 1.9102/root) / (1.2071 + 0.9102/root)
}

// squareSpectrum transforms the central n x n pixels, their mean removed, under a Hann window.
func squareSpectrum(f *spectrum.Field, mask []bool, n int) *spectrum.Field {
	top, left := (f.H-n)/2, (f.W-n)/2
	out := f.Crop(top, left, n, n)
	sum, count := 0i, 0.0
	for i, v := range out.Data {
		if mask[(top+i/n)*f.W+left+i%n] {
			sum, count = sum+v, count+1
		}
	}
	mean := sum / complex(max(count, 1), 0)
	window := hann(n)
	for i, v := range out.Data {
		out.Data[i] = 0
		if mask[(top+i/n)*f.W+left+i%n] {
			out.Data[i] = (v - mean) * complex(window[i/n]*window[i%n], 0)
		}
	}
	out.FFT()
	return out
}

// cutoff is the end of the widest band of rings above the threshold. The lowest rings have few pixels and may dip below
// it while everything finer is right; rings beyond the band agree by chance.
func (f *FRC) cutoff(threshold []float64, pixelNM float64) Cutoff {
	first, end := f.widestBand(threshold)
	out := Cutoff{Frequency: f.Frequency[len(f.Frequency)-1], BeyondNyquist: end == len(f.Correlation) && end > first}
	switch {
	case end == first:
		out.BelowFirstRings = true
		out.Frequency = f.Frequency[firstRing]
	case !out.BeyondNyquist:
		above, below := f.Correlation[end-1]-threshold[end-1], threshold[end]-f.Correlation[end]
		out.Frequency = f.Frequency[end-1] + above/(above+below)*(f.Frequency[end]-f.Frequency[end-1])
	}
	out.HalfPeriod = 1 / (2 * out.Frequency)
	out.HalfPeriodNM = out.HalfPeriod * pixelNM
	return out
}

// widestBand is the longest run of rings [first, end) that are not below the threshold, the lowest of equals; empty if
// there is none. It looks from firstRing on.
func (f *FRC) widestBand(threshold []float64) (first, end int) {
	start := firstRing
	for i := firstRing; i <= len(f.Correlation); i++ {
		if i < len(f.Correlation) && !(f.Correlation[i] < threshold[i]) {
			continue
		}
		if i-start > end-first {
			first, end = start, i
		}
		start = i + 1
	}
	return first, end
}

package reconstruct

import (
	"math"
	"slices"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
)

// Fit says how well an object explains the patterns that it was made of, measured on a few of them.
//
// With the modelled amplitude a, the measured one d and the mean one m of the patterns, all sums over pixels and
// patterns, and the shot noise n of each sum,
//
//	Unexplained = (sum (a - d)^2 - n) / (sum (m - d)^2 - n),
//	Contrast    = sum (m - d)^2 / n.
//
// A network sees one pattern at a time. If its probe, the centre of the patterns or their orientation is wrong, its
// patches still resemble something, but the object that they make together does not explain the patterns.
type Fit struct {
	// Unexplained is the share of the differences between patterns that the object leaves unexplained: 0 for a perfect
	// one, 1 for one that is no better than the mean pattern. It has a meaning only if patterns differ by more than
	// their noise.
	Unexplained float64
	// Contrast is how far patterns differ, in units of their shot noise: 1 if there is nothing to see.
	Contrast float64
	// Counted: the patterns are counts of photons. Otherwise their noise is unknown and taken to be 0.
	Counted bool
}

// Numbers of patterns that a Fit is measured on.
const (
	mostKept   = 48
	leastKept  = 8
	keptPixels = 1 << 20 // of these patterns at most, unless that is too few: 4 MB
)

// keep chooses the patterns for the fit, evenly along the scan. Their patches are kept for sigma.
func (r *Reconstruction) keep() {
	count := min(len(r.groups), mostKept, max(leastKept, keptPixels/(r.N*r.N)))
	r.kept = map[int][]float32{}
	for i := range count {
		r.kept[r.groups[i*len(r.groups)/count][0]] = nil
	}
	r.patches = map[int][]complex64{}
	if r.Contract.Variance && r.Channels == 1 {
		for id := range r.kept {
			r.patches[id] = nil
		}
	}
}

// note copies a pattern if it is one of those for the fit or for the trend.
func (r *Reconstruction) note(id int, pattern []float32) {
	r.patchFile.See(r.placed(id), pattern)
	if _, wanted := r.kept[id]; wanted {
		r.kept[id] = slices.Clone(pattern)
	}
}

// notePatch copies the patch of a kept pattern if sigma needs it.
func (r *Reconstruction) notePatch(id int, patch []complex64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, wanted := r.patches[id]; wanted {
		r.patches[id] = slices.Clone(patch)
	}
}

// fit measures the fit of the finished object. It returns nil if too few patterns were read.
func (r *Reconstruction) fit(result *Result) *Fit {
	f := fitting{Reconstruction: r, result: result, propagator: optics.NewPropagator(r.N)}
	for id, pattern := range r.kept {
		if pattern != nil && r.skipped[id] == nil && slices.Max(pattern) > 0 {
			f.ids = append(f.ids, id)
		}
	}
	slices.Sort(f.ids)
	if len(f.ids) < leastKept {
		return nil
	}
	return f.measure()
}

// fitting measures a Fit on patterns.
type fitting struct {
	*Reconstruction
	result     *Result
	ids        []int // ascending
	propagator *optics.Propagator
}

func (f *fitting) measure() *Fit {
	pixels, count := f.N*f.N, float64(len(f.ids))
	mean := make([]float64, pixels) // intensity
	for _, id := range f.ids {
		for i, d := range f.kept[id] {
			mean[i] += float64(d) * float64(d) / count
		}
	}
	counts := f.areCounts()
	var misfit, misfitNoise, spread, spreadNoise float64
	intensity, wave := make([]float64, pixels), make([]complex128, pixels)
	for _, id := range f.ids {
		f.model(id, wave, intensity)
		for i, d := range f.kept[id] {
			if f.scan.Measured != nil && !f.scan.Measured[i] {
				continue
			}
			a, m := math.Sqrt(intensity[i])-float64(d), math.Sqrt(mean[i])-float64(d)
			misfit, spread = misfit+a*a, spread+m*m
			if counts {
				misfitNoise += optics.ShotNoise(intensity[i])
				spreadNoise += optics.ShotNoise(mean[i])
			}
		}
	}
	spreadNoise *= 1 - 1/count // the mean follows its patterns
	return &Fit{
		Unexplained: max(0, misfit-misfitNoise) / max(spread-spreadNoise, math.SmallestNonzeroFloat64),
		Contrast:    spread / spreadNoise,
		Counted:     counts,
	}
}

// model writes the intensity of a pattern that the object predicts. wave is work space.
func (f *fitting) model(id int, wave []complex128, intensity []float64) {
	x, y, n := f.scan.X[id], f.scan.Y[id], f.N
	for i, p := range f.Contract.Probe.Data {
		wave[i] = complex128(p)
	}
	f.propagator.Shift(wave, frame.Fraction(y), frame.Fraction(x))
	throughObject(wave, f.result.Object, frame.Pixel(y)-n/2-f.result.Row, frame.Pixel(x)-n/2-f.result.Col, n)
	f.propagator.Intensity(wave, intensity)
}

// throughObject multiplies a wave (n, n) with the object's patch from (top, left). No light passes outside the object.
func throughObject(wave []complex128, object *ndarray.Complex64, top, left, n int) {
	height, width := object.Shape[0], object.Shape[1]
	for r := range n {
		for c := range n {
			row, column := top+r, left+c
			if row < 0 || row >= height || column < 0 || column >= width {
				wave[r*n+c] = 0
				continue
			}
			wave[r*n+c] *= complex128(object.Data[row*width+column])
		}
	}
}

// areCounts reports whether the patterns are roots of whole numbers, so that their noise is known.
func (f *fitting) areCounts() bool {
	const (
		most  = 1e4  // above it float32 does not tell
		close = 1e-2 // to a whole number
		share = 0.95
	)
	whole, all := 0, 0
	for _, id := range f.ids {
		for i, d := range f.kept[id] {
			v := float64(d) * float64(d)
			if v == 0 || v > most || f.scan.Measured != nil && !f.scan.Measured[i] {
				continue
			}
			all++
			if math.Abs(v-math.Round(v)) < close {
				whole++
			}
		}
	}
	return float64(whole) > share*float64(all)
}

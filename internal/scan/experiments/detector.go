package experiments

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// detector is what a detector adds to the patterns of a group and takes away from them; 0 stands for nothing.
type detector struct {
	blur       float64 // share of a pixel's light that each neighbour takes
	background float64 // relative to the photons of a pattern
	steep      float64 // of the background as a cone around the beam; 0: even
	readout    float64 // noise in photons
	saturation float64 // where a pixel ends, relative to the brightest one of the first pattern
	ceiling    float32 // the amplitude there, of all patterns; 0 before the first
	gap        int     // dead rows or columns
	gapAt      int     // the first of them
	gapUpright bool    // columns
	stop       float64 // radius of a disc in front of the middle, in pixels
}

// detector draws one, and its dead pixels.
func (w *workspace) detector() (d detector) {
	n := w.n
	if chance(w.Rand, blurred) {
		d.blur = blur.log(w.Rand)
	}
	if chance(w.Rand, withBackground) {
		if d.background = background.log(w.Rand); chance(w.Rand, 0.5) {
			d.steep = 8 * w.Float64() / float64(n)
		}
	}
	if chance(w.Rand, withReadout) {
		d.readout = readout.log(w.Rand)
	}
	if chance(w.Rand, saturated) {
		d.saturation = saturation.even(w.Rand)
	}
	w.dead = w.dead[:0]
	if chance(w.Rand, withDead) {
		for range int(1 + deadShare.log(w.Rand)*float64(n*n)) {
			w.dead = append(w.dead, w.IntN(n*n))
		}
	}
	if chance(w.Rand, withGap) { // one to three
		d.gap = 1 + w.IntN(3)
		d.gapAt, d.gapUpright = w.IntN(n-d.gap), chance(w.Rand, 0.5)
	}
	if chance(w.Rand, withBeamStop) {
		d.stop = beamStop.log(w.Rand) * float64(n)
	}
	return d
}

// detect draws the counts of the expected intensity, and removes what the detector does not measure.
func (w *workspace) detect(d *detector, into *Sample) {
	if d.blur > 0 {
		w.blur(d.blur)
	}
	if d.background > 0 {
		w.addBackground(d.background*into.Photons, d.steep)
	}
	for i, v := range w.intensity {
		v = w.counts(v)
		if d.readout > 0 {
			v = max(0, v+d.readout*w.NormFloat64())
		}
		into.Amplitude[i] = float32(math.Sqrt(v))
	}
	if d.saturation > 0 {
		d.saturate(into)
	}
	for _, pixel := range w.dead {
		into.Amplitude[pixel] = 0
	}
	d.shade(into)
}

// shade removes the gap and what is behind the beam stop.
func (d *detector) shade(into *Sample) {
	n := into.N
	for r := d.gapAt; r < d.gapAt+d.gap; r++ {
		for c := range n {
			if d.gapUpright {
				into.Amplitude[c*n+r] = 0
			} else {
				into.Amplitude[r*n+c] = 0
			}
		}
	}
	if d.stop == 0 {
		return
	}
	for i := range into.Amplitude {
		if math.Hypot(float64(i/n-n/2), float64(i%n-n/2)) < d.stop {
			into.Amplitude[i] = 0
		}
	}
}

func (d *detector) saturate(into *Sample) {
	if d.ceiling == 0 {
		d.ceiling = float32(math.Sqrt(d.saturation)) * slices.Max(into.Amplitude)
	}
	for i, v := range into.Amplitude {
		into.Amplitude[i] = min(v, d.ceiling)
	}
}

// blur lets a pixel's light leak to its four neighbours; it wraps at the borders, where there is hardly any.
func (w *workspace) blur(share float64) {
	n := w.n
	copy(w.spare, w.intensity)
	for r := range n {
		above, below := (r+n-1)%n*n, (r+1)%n*n
		for c := range n {
			i := r*n + c
			around := w.spare[above+c] + w.spare[below+c] + w.spare[r*n+(c+n-1)%n] + w.spare[r*n+(c+1)%n]
			w.intensity[i] += share * (around - 4*w.spare[i])
		}
	}
}

// addBackground adds photons, even or as a cone around the beam.
func (w *workspace) addBackground(photons, steep float64) {
	n := float64(w.n)
	sum := 0.0
	for i := range w.spare {
		y, x := float64(i/w.n)-n/2, float64(i%w.n)-n/2
		v := 1.0
		if steep > 0 {
			v /= 1 + steep*steep*(y*y+x*x)
		}
		w.spare[i] = v
		sum += v
	}
	for i, v := range w.spare {
		w.intensity[i] += v * photons / sum
	}
}

// counts draws from the Poisson distribution of a mean. Above many, a Gaussian has its first two moments and differs
// from it by less than any detector shows.
func (w *workspace) counts(mean float64) float64 {
	const few, many = 10, 1000
	switch {
	case !(mean > 0):
		return 0
	case mean < few:
		return w.fewCounts(mean)
	case mean > many:
		return max(0, math.Round(mean+math.Sqrt(mean)*w.NormFloat64()))
	default:
		return distuv.Poisson{Lambda: mean, Src: w.Rand}.Rand()
	}
}

// fewCounts inverts the distribution function, with one random number.
func (w *workspace) fewCounts(mean float64) float64 {
	u, k := w.Float64(), 0.0
	p := 1 - mean + mean*mean/2 // to a thousandth of a billionth where most pixels are
	if mean > 1e-4 {
		p = math.Exp(-mean)
	}
	for ; u >= p && k < 100; k++ { // 100 is far beyond what a mean below 10 gives
		u -= p
		p *= mean / (k + 1)
	}
	return k
}

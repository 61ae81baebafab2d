package experiments

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// measure simulates the pattern and brings the probes to its unit.
func (w *workspace) measure(into *Sample) {
	w.exit()
	power := 0.0
	for _, v := range w.wave {
		power += real(v)*real(v) + imag(v)*imag(v)
	}
	into.Photons = photons.log(w.Rand)
	unit := into.Photons / power
	w.scale(into, unit)
	w.propagator.Intensity(w.wave, w.intensity)
	for i := range w.intensity {
		w.intensity[i] *= unit
	}
	w.detect(into)
	w.damage(into)
}

// exit is the wave behind the object. What leaves the window comes back at the other side: a detector with N pixels
// samples the far field just finely enough for N pixels of the object.
func (w *workspace) exit() {
	f := w.area
	if f.size == w.n {
		for i, p := range f.probe {
			w.wave[i] = p * f.wave[i]
		}
		return
	}
	clear(w.wave)
	first := (f.size - w.n) / 2
	for i, p := range f.probe {
		row, column := (i/f.size+w.n-first)%w.n, (i%f.size+w.n-first)%w.n
		w.wave[row*w.n+column] += p * f.wave[i]
	}
}

// scale gives the probes the unit of the patterns. On some samples the probe takes the mean transmission upon itself.
func (w *workspace) scale(into *Sample, unit float64) {
	transmission := 1.0
	if chance(w.Rand, rescaled) {
		transmission = 0
		for _, v := range w.area.wave {
			transmission += real(v)*real(v) + imag(v)*imag(v)
		}
		transmission /= float64(len(w.area.wave))
	}
	root, back := float32(math.Sqrt(unit*transmission)), float32(1/math.Sqrt(transmission))
	for i := range into.Probe {
		into.Probe[i] *= complex(root, 0)
		into.Object[i] *= complex(back, 0)
		into.Light[i] *= float32(unit * transmission)
	}
}

// detect draws the counts of the expected intensity.
func (w *workspace) detect(into *Sample) {
	if chance(w.Rand, blurred) {
		w.blur(blur.log(w.Rand))
	}
	if chance(w.Rand, withBackground) {
		w.addBackground(background.log(w.Rand) * into.Photons)
	}
	noise := 0.0
	if chance(w.Rand, withReadout) {
		noise = readout.log(w.Rand)
	}
	for i, v := range w.intensity {
		v = w.counts(v)
		if noise > 0 {
			v = max(0, v+noise*w.NormFloat64())
		}
		into.Amplitude[i] = float32(math.Sqrt(v))
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
func (w *workspace) addBackground(photons float64) {
	n := float64(w.n)
	steep := 0.0
	if chance(w.Rand, 0.5) {
		steep = 8 * w.Float64() / n
	}
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

// damage removes what a real detector does not measure.
func (w *workspace) damage(into *Sample) {
	n := w.n
	if chance(w.Rand, saturated) {
		w.saturate(into)
	}
	if chance(w.Rand, withDead) {
		for range int(1 + deadShare.log(w.Rand)*float64(n*n)) {
			into.Amplitude[w.IntN(n*n)] = 0
		}
	}
	if chance(w.Rand, withGap) {
		w.gap(into)
	}
	if chance(w.Rand, withBeamStop) {
		radius := beamStop.log(w.Rand) * float64(n)
		for i := range into.Amplitude {
			if math.Hypot(float64(i/n-n/2), float64(i%n-n/2)) < radius {
				into.Amplitude[i] = 0
			}
		}
	}
}

func (w *workspace) saturate(into *Sample) {
	most := float32(0)
	for _, v := range into.Amplitude {
		most = max(most, v)
	}
	limit := float32(math.Sqrt(saturation.even(w.Rand))) * most
	for i, v := range into.Amplitude {
		into.Amplitude[i] = min(v, limit)
	}
}

// gap is one to three dead rows or columns.
func (w *workspace) gap(into *Sample) {
	n, high := w.n, 1+w.IntN(3)
	first, upright := w.IntN(n-high), chance(w.Rand, 0.5)
	for r := first; r < first+high; r++ {
		for c := range n {
			if upright {
				into.Amplitude[c*n+r] = 0
			} else {
				into.Amplitude[r*n+c] = 0
			}
		}
	}
}

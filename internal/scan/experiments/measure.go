package experiments

import "math"

// measure simulates the patterns of the placed samples and brings the probes to their unit. Each position has its own
// subpixel rest. Source and detector are those of the group: the first pattern has the photons that are drawn.
func (w *workspace) measure(into []*Sample) {
	transmission := w.transmission()
	photons, detector, unit := photons.log(w.Rand), w.detector(), 0.0
	for i, s := range into {
		dy, dx := offset.even(w.Rand), offset.even(w.Rand)
		w.focus(w.given, dy+w.shift[0], dx+w.shift[1], w.power)
		for k, v := range w.window.wave {
			s.Probe[k] = complex64(v)
		}
		w.focus(w.truth, dy, dx, 1)
		w.lighten(s.Light)
		power := w.exit(s)
		if i == 0 {
			unit = photons / power
		}
		s.Width, s.Photons = w.width, unit*power
		s.scale(unit, transmission)
		w.propagator.Intensity(w.wave, w.intensity)
		for k := range w.intensity {
			w.intensity[k] *= unit
		}
		w.detect(&detector, s)
	}
}

// exit is the wave behind the object in the window of a sample, and its power. What leaves the window comes back at the
// other side: a detector with N pixels samples the far field just finely enough for N pixels of the object.
func (w *workspace) exit(s *Sample) (power float64) {
	n, wide := w.n, w.scene.size
	first := (n/2+s.Row)*wide + n/2 + s.Col
	for i, p := range w.window.wave {
		o := w.scene.wave[first+i/n*wide+i%n]
		s.Object[i] = complex64(o)
		v := p * o
		w.wave[i] = v
		power += real(v)*real(v) + imag(v)*imag(v)
	}
	return power
}

// transmission is the mean of |object|^2 that the probe takes upon itself: 1 for some groups.
func (w *workspace) transmission() float64 {
	if !chance(w.Rand, rescaled) {
		return 1
	}
	sum := 0.0
	for _, v := range w.scene.wave {
		sum += real(v)*real(v) + imag(v)*imag(v)
	}
	return sum / float64(len(w.scene.wave))
}

// scale gives the probes the unit of the patterns and the transmission of the object.
func (s *Sample) scale(unit, transmission float64) {
	root, back := float32(math.Sqrt(unit*transmission)), float32(1/math.Sqrt(transmission))
	for i := range s.Probe {
		s.Probe[i] *= complex(root, 0)
		s.Object[i] *= complex(back, 0)
		s.Light[i] *= float32(unit * transmission)
	}
}

package trainer

import (
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/experiments"
)

// sample is a pattern that a pretraining shows, with its truth: arrays of N x N pixels.
type sample struct {
	inputs   [][]float32 // in the order of sampleInputs
	light    []float32   // |P|^2, of mean 1
	contrast float64     // of the object: the squared error of the best constant, with a floor
	about    about
}

// about describes a sample for the tables of held-out errors.
type about struct {
	object, probe string
	photons       float64
}

func newSample(n int) *sample {
	s := &sample{light: make([]float32, n*n)}
	for _, in := range sampleInputs() {
		s.inputs = append(s.inputs, ndarray.New[float32](in.shape(1, n)...).Data)
	}
	return s
}

const (
	// lightKnee is the intensity of the probe, relative to its mean, above which a pixel counts: in the second half of
	// the weight, and where patches are merged.
	lightKnee = 0.3
	// contrastFloor is the contrast of an object, relative to its mean square, below which its error counts less:
	// contrasts of 3% and less.
	contrastFloor = 3e-4
)

// take reads a simulated pattern.
func (s *sample) take(e *experiments.Sample) {
	s.about = about{e.ObjectKind, e.ProbeKind, e.Photons}
	power, lit := 0.0, 0.0
	for i, p := range e.Probe {
		power += float64(real(p))*float64(real(p)) + float64(imag(p))*float64(imag(p))
		lit += float64(e.Light[i])
	}
	pixels := float64(len(e.Amplitude))
	// Of a wrong probe the power is right: a reconstruction takes that of the patterns.
	toAmplitude, toProbe := float32(math.Sqrt(pixels/lit)), float32(math.Sqrt(pixels/power))
	in := s.inputs
	for i, a := range e.Amplitude {
		in[0][i] = a * toAmplitude
		in[1][i], in[2][i] = real(e.Probe[i])*toProbe, imag(e.Probe[i])*toProbe
		in[3][i], in[4][i] = real(e.Object[i]), imag(e.Object[i])
	}
	for i, v := range e.Light {
		s.light[i] = v * float32(pixels/lit)
	}
	s.weigh()
	for i, at := range []int{e.Row, e.Col} {
		place := in[6+i] // (N, canvasWindows * N)
		clear(place)
		for k := range e.N {
			place[k*canvasWindows*e.N+k+e.N/2+at] = 1
		}
	}
}

// determined is the part of a constant object's misfit that the true object explains, with the given probe: near 1 if
// the pattern shows the object, 0 if noise or a wrong probe hide it.
func (s *sample) determined() float64 {
	in, n := s.inputs, int(math.Sqrt(float64(len(s.light))))
	var mean, sum complex128
	for i, w := range in[5] {
		mean += complex(float64(w)*float64(in[3][i]), float64(w)*float64(in[4][i]))
		sum += complex(float64(w), 0)
	}
	mean /= sum
	propagator, wave, intensity := optics.NewPropagator(n), make([]complex128, n*n), make([]float64, n*n)
	misfit := func(object func(i int) complex128) float64 {
		for i := range wave {
			wave[i] = complex(float64(in[1][i]), float64(in[2][i])) * object(i)
		}
		propagator.Intensity(wave, intensity)
		total := 0.0
		for i, v := range intensity {
			d := math.Sqrt(v) - float64(in[0][i])
			total += d * d
		}
		return total
	}
	flat := misfit(func(int) complex128 { return mean })
	truth := misfit(func(i int) complex128 { return complex(float64(in[3][i]), float64(in[4][i])) })
	if !(flat > 0) {
		return 0
	}
	return max(0, 1-truth/flat)
}

// weigh sets the share of each pixel in the squared error, of sum 1: half by the light, half by
// light / (light + lightKnee). And it measures the contrast of the object.
func (s *sample) weigh() {
	share, re, im := s.inputs[5], s.inputs[3], s.inputs[4]
	sum, soft := 0.0, 0.0
	for _, l := range s.light {
		sum, soft = sum+float64(l), soft+float64(l)/(float64(l)+lightKnee)
	}
	var mean [2]float64
	square := 0.0
	for i, v := range s.light {
		l := float64(v)
		w := 0.5*l/sum + 0.5*l/(l+lightKnee)/soft
		share[i] = float32(w)
		a, b := float64(re[i]), float64(im[i])
		mean[0], mean[1], square = mean[0]+w*a, mean[1]+w*b, square+w*(a*a+b*b)
	}
	s.contrast = square - mean[0]*mean[0] - mean[1]*mean[1] + contrastFloor*square
}

// balance divides the shares of a group by its contrast. So the error of constants is nearly 1 for the group, and a
// patch beside the specimen, which has hardly any contrast, weighs little.
func balance(group []*sample) {
	contrast := 0.0
	for _, s := range group {
		contrast += s.contrast / float64(len(group))
	}
	for _, s := range group {
		for i := range s.inputs[5] {
			s.inputs[5][i] /= float32(contrast)
		}
	}
}

package reconstruct

import (
	"math"
	"slices"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
)

// withinOne makes 68 % of the errors smaller than sigma, as of normally distributed ones. Errors are largest at few
// edges, so more of them are below their standard deviation (docs/dev/decisions.md).
const withinOne = 0.9

// sigma is the size of the error of the object's real part, and of its imaginary part, that 68 % of the errors stay
// below, (H, W): withinOne times their standard deviation. The model of the variance of both parts is
//
//	max(a V + b |gradient of O|^2, V / n)
//
// V is what the network says of its patches. The object is a mean of patches, whose errors are partly the same, so a is
// not known beforehand. The second term stands for errors that all patches share, of resolution and position: they
// are large where the object changes. The last one is what is left of V if n patches err independently.
//
// The factors a and b come from the patterns that are kept, without a truth: the object is taken without the patch of
// each, and its modelled pattern differs from the measured one by more than the photons' noise. The excess is the
// energy of the object's error in the light of the probe (missing).
func (r *Reconstruction) sigma(result *Result) *ndarray.Float32 {
	variance := r.canvas.Variance()
	if variance == nil || len(r.patches) == 0 {
		return nil
	}
	gradient, weight := squaredGradient(result.Object), r.canvas.Weight()
	a, b := r.calibrate(result, variance, gradient)
	mean := meanWeight(Weights(r.Contract).Data)
	out := ndarray.New[float32](variance.Shape...)
	for i, v := range variance.Data {
		if weight.Data[i] > 0 {
			patches := max(1, weight.Data[i]/mean)
			out.Data[i] = withinOne * float32(math.Sqrt(float64(max(a*v+b*gradient.Data[i], v/patches))/2))
		}
	}
	return out
}

// meanWeight is sum w^2 / sum w of a probe's weights in units of the largest: what a patch counts on average where it
// counts. A pixel of weight w is a mean over about w / meanWeight patches.
func meanWeight(weights []float32) float32 {
	sum, squares, most := 0.0, 0.0, 0.0
	for _, w := range weights {
		sum, squares, most = sum+float64(w), squares+float64(w)*float64(w), max(most, float64(w))
	}
	return float32(squares / sum / most)
}

// squaredGradient is |dO/dy|^2 + |dO/dx|^2 by central differences, (H, W), averaged over 5 x 5 pixels with binomial
// weights. It is 0 at the border.
func squaredGradient(object *ndarray.Complex64) *ndarray.Float32 {
	h, w := object.Shape[0], object.Shape[1]
	out := ndarray.New[float32](h, w)
	square := func(a, b complex64) float32 {
		re, im := (real(a)-real(b))/2, (imag(a)-imag(b))/2
		return re*re + im*im
	}
	for y := 1; y < h-1; y++ {
		for x := 1; x < w-1; x++ {
			i := y*w + x
			out.Data[i] = square(object.Data[i+w], object.Data[i-w]) + square(object.Data[i+1], object.Data[i-1])
		}
	}
	for range 2 {
		binomial(out.Data, h, w, 1, w)
		binomial(out.Data, w, h, w, 1)
	}
	return out
}

// binomial averages values with their neighbours along one axis by 1/4, 1/2, 1/4, in place. Lines begin across apart,
// and their values are along apart. The first and the last value of a line stay.
func binomial(values []float32, lines, length, along, across int) {
	for line := range lines {
		before := values[line*across]
		for k := 1; k < length-1; k++ {
			i := line*across + k*along
			here := values[i]
			values[i] = before/4 + here/2 + values[i+along]/4
			before = here
		}
	}
}

// leastCovered is the share of the probe's light on a pattern that other patches must cover.
const leastCovered = 0.9

// calibrate finds the factors a and b of sigma. Without patterns that overlap they are 1 and 0.
func (r *Reconstruction) calibrate(result *Result, variance, gradient *ndarray.Float32) (a, b float32) {
	var fit excessFit
	work := newExcess(r, result)
	for _, id := range work.ids {
		if covered := work.model(id); covered >= leastCovered {
			fit.add(work.missing(id), work.mean(variance, id), work.mean(gradient, id))
		}
	}
	return fit.solve()
}

// excess compares modelled patterns of the object with measured ones. It holds work space.
type excess struct {
	fitting
	light     []float64 // (N, N), of the probe on each pixel, of sum 1
	intensity []float64 // (N, N), modelled
	counts    bool      // the patterns are counts of photons; otherwise their noise is taken to be 0
	// scale is what makes modelled intensities as bright as measured ones: a common factor of the object cannot be told
	// from one of the probe, so it is no error.
	scale float64
}

func newExcess(r *Reconstruction, result *Result) *excess {
	e := &excess{
		fitting: fitting{Reconstruction: r, result: result, propagator: optics.NewPropagator(r.N)},
		light:   make([]float64, r.N*r.N), intensity: make([]float64, r.N*r.N), scale: 1,
	}
	power := optics.Power(r.Contract.Probe)
	for i, p := range r.Contract.Probe.Data {
		e.light[i] = (float64(real(p))*float64(real(p)) + float64(imag(p))*float64(imag(p))) / power
	}
	for id, patch := range r.patches {
		if patch != nil && r.kept[id] != nil {
			e.ids = append(e.ids, id)
		}
	}
	slices.Sort(e.ids)
	e.counts = e.areCounts()
	measured, modelled := 0.0, 0.0
	for _, id := range e.ids {
		e.model(id)
		for i, d := range e.kept[id] {
			if e.seen(i) {
				measured, modelled = measured+float64(d)*float64(d), modelled+e.intensity[i]
			}
		}
	}
	if measured > 0 && modelled > 0 {
		e.scale = measured / modelled
	}
	return e
}

// seen reports whether a pixel of the detector was measured.
func (e *excess) seen(pixel int) bool { return e.scan.Measured == nil || e.scan.Measured[pixel] }

// model computes the pattern that the object without a patch has at the patch's place, and the share of the light in
// which other patches determine that object.
func (e *excess) model(id int) (covered float64) {
	x, y := e.scan.X[id], e.scan.Y[id]
	object, others, err := e.canvas.Without(x, y, e.patches[id])
	if err != nil {
		return 0
	}
	for i, w := range e.light {
		if others[i] > 0 {
			covered += w
		}
	}
	probe := optics.ShiftProbe(e.Contract.Probe, frame.Fraction(y), frame.Fraction(x))
	e.propagator.Intensity(optics.ExitWave(probe, ndarray.Wrap(object, e.N, e.N)), e.intensity)
	return covered
}

// missing is the mean of |error|^2 of the modelled object in the light of the probe. The roots of the intensities see
// half of an error's energy, that in phase with the wave. The noise of the photons is subtracted. Pixels that were not
// measured are taken to miss as much as the others, in proportion to their light.
func (e *excess) missing(id int) float64 {
	sum, seen, all := 0.0, 0.0, 0.0
	for i, d := range e.kept[id] {
		modelled := e.scale * e.intensity[i]
		all += modelled
		if !e.seen(i) {
			continue
		}
		difference := math.Sqrt(modelled) - float64(d)
		sum, seen = sum+difference*difference, seen+modelled
		if e.counts {
			sum -= optics.ShotNoise(modelled)
		}
	}
	return 2 * sum * quotient(all, seen) / (e.scale * optics.Power(e.Contract.Probe))
}

// mean is the mean of a map of the object in the light of the probe at a pattern's position.
func (e *excess) mean(of *ndarray.Float32, id int) float64 {
	row, col := frame.Corner(e.scan.X[id], e.scan.Y[id], e.N)
	sum := 0.0
	for i, w := range e.light {
		sum += w * float64(of.Data[(row-e.result.Row+i/e.N)*of.Shape[1]+col-e.result.Col+i%e.N])
	}
	return sum
}

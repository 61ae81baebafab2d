package solve

import "math"

// leastSlope is the difference of neighbouring pixels below which the total variation is quadratic.
const leastSlope = 0.02

// smoother is the prior of an object with few edges: its probability is exp(-S TV), where TV is the total variation
// sum |grad O| of the complex transmission (Rudin, Osher and Fatemi, Physica D 60, 259, 1992), and S is
// Options.Smooth. The mean square of a pixel's misfit is the variance of the noise, so bright patterns outweigh the
// prior. Each update minimises the quadratic function that touches the prior from above at the present object.
type smoother struct {
	*state
	weights   []float32 // (H, W), of the squared slopes at a pixel
	diagonal  []float32 // (H, W), sum of the weights of a pixel's differences
	curvature float64   // along the direction of the object
}

// newSmoother is nil without a prior.
func newSmoother(s *state) *smoother {
	if s.options.Smooth == 0 {
		return nil
	}
	size := len(s.object.re)
	return &smoother{state: s, weights: make([]float32, size), diagonal: make([]float32, size)}
}

// pull adds minus the gradient of the prior to that of a share of the patterns.
func (p *smoother) pull(share float64, gradient *plane) {
	strength := p.options.Smooth * p.noise * share
	clear(p.diagonal)
	re, im := p.object.re, p.object.im
	p.slopes(func(at, right, below int) {
		xr, xi, yr, yi := re[right]-re[at], im[right]-im[at], re[below]-re[at], im[below]-im[at]
		slope := math.Sqrt(float64(xr*xr + xi*xi + yr*yr + yi*yi))
		w := float32(strength / max(slope, leastSlope))
		p.weights[at] = w
		p.diagonal[at] += 2 * w
		p.diagonal[right] += w
		p.diagonal[below] += w
		gradient.re[at] += w * (xr + yr)
		gradient.im[at] += w * (xi + yi)
		gradient.re[right] -= w * xr
		gradient.im[right] -= w * xi
		gradient.re[below] -= w * yr
		gradient.im[below] -= w * yi
	})
}

// along computes the curvature of the prior along a direction.
func (p *smoother) along(direction *plane) {
	p.curvature = 0
	re, im := direction.re, direction.im
	p.slopes(func(at, right, below int) {
		xr, xi, yr, yi := re[right]-re[at], im[right]-im[at], re[below]-re[at], im[below]-im[at]
		p.curvature += float64(p.weights[at] * (xr*xr + xi*xi + yr*yr + yi*yi))
	})
}

// slopes calls do for each pixel with its neighbours to the right and below.
func (p *smoother) slopes(do func(at, right, below int)) {
	for row := range p.object.height - 1 {
		for col := range p.object.width - 1 {
			at := row*p.object.width + col
			do(at, at+1, at+p.object.width)
		}
	}
}

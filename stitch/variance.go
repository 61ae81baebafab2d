package stitch

import (
	"fmt"
	"math"

	"ptyx/internal/base/ndarray"
)

// Logarithms of variances are rounded to 2^-16. Larger magnitudes than maxLog count as maxLog: the sums of a full pixel
// stay below 2^34 * 2^(16+6).
const (
	logBits = 16
	maxLog  = 32
)

// AddWithVariance is Add for a patch that comes with the natural logarithm of its variance, (N, N). All patches of a
// canvas come with it, or none.
func (c *Canvas) AddWithVariance(id int, x, y float64, patch []complex64, logVariance []float32) error {
	if len(logVariance) != c.n*c.n {
		return fmt.Errorf("stitch: frame %d: a variance of %d values, want %d x %d", id, len(logVariance), c.n, c.n)
	}
	return c.add(id, x, y, patch, logVariance)
}

// addLogs adds the variance of a patch that begins at a row and column of the pixels in memory, with the canvas locked.
func (c *Canvas) addLogs(row, col int, logVariance []float32) {
	if c.logs == nil {
		c.logs = make([]int64, len(c.pixels))
	}
	for r := range c.n {
		start := (row+r)*c.room.Width() + col
		logs := c.logs[start : start+c.n]
		values, weights := logVariance[r*c.n:(r+1)*c.n], c.weights[r*c.n:(r+1)*c.n]
		for i := range logs {
			logs[i] += weights[i] * fixedLog(values[i])
		}
	}
}

// fixedLog rounds to a multiple of 2^-16. NaN counts as the largest variance.
func fixedLog(v float32) int64 {
	if !(v < maxLog) {
		return maxLog << logBits
	}
	return rounded(float64(max(v, -maxLog)) * (1 << logBits))
}

// Variance is the mean of the patches' variances over a pixel, (H, W), in the square of the object's unit; 0 where no
// patch lies. It is the weighted geometric mean, which a single large variance changes little. It is nil if no patch
// came with a variance.
//
// It is that of a patch and not of Object: Object is a mean of patches, whose errors are partly the same.
func (c *Canvas) Variance() *Array {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.logs == nil {
		return nil
	}
	out := ndarray.New[float32](c.box.Height(), c.box.Width())
	for i, p := range c.all() {
		if p.weight > 0 {
			out.Data[i] = float32(math.Exp(float64(c.logs[c.at(i)]) / (float64(p.weight) * (1 << logBits))))
		}
	}
	return out
}

// Without is the object at a position as it would be without one of its patches, (N, N). The patch must have been added
// there. others is the summed weight of the other patches in units of the probe's peak, (N, N). Where it is 0, the
// object is that of the patch.
func (c *Canvas) Without(x, y float64, patch []complex64) (object []complex64, others []float32, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row, col, ok := c.locate(x, y)
	if !ok || len(patch) != c.n*c.n {
		return nil, nil, fmt.Errorf("stitch: a patch of %d values at (%g, %g): %w", len(patch), x, y, ErrOutside)
	}
	object, others = make([]complex64, len(patch)), make([]float32, len(patch))
	for i, v := range patch {
		p, w := c.pixels[(row+i/c.n)*c.room.Width()+col+i%c.n], c.weights[i]
		p.re, p.im, p.weight = p.re-w*fixed(real(v)), p.im-w*fixed(imag(v)), p.weight-w
		if object[i], others[i] = v, p.total(); p.weight > 0 {
			object[i] = p.value()
		}
	}
	return object, others, nil
}

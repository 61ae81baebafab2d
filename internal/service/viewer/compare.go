package viewer

import (
	"math"
	"slices"
	"sync"
	"time"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
)

// comparePause is the least time between two comparisons.
const comparePause = time.Second

// comparer keeps one pattern at a time to compare with its prediction.
type comparer struct {
	mu      sync.Mutex
	waiting *Frame // offered, and not in the object yet
	ready   *Frame
	last    time.Time // of the last offer that was kept
	latest  *comparison
	number  int // of the latest comparison, from 1 on
}

// comparison is a pattern beside its prediction.
type comparison struct {
	number    int
	id        int64
	n         int
	residual  float64   // sum (a - d)^2 / sum d^2 of the amplitudes a and d
	measured  []float32 // (N, N) amplitudes
	predicted []float32 // (N, N) amplitudes
}

// offer keeps a frame, if none waits and the last one is old enough.
func (c *comparer) offer(f Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.last) >= comparePause {
		f.Pattern = slices.Clone(f.Pattern)
		c.waiting, c.last = &f, now
	}
}

// added moves the waiting frame on, once it is in the object.
func (c *comparer) added(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting != nil && c.waiting.ID == id {
		c.ready, c.waiting = c.waiting, nil
	}
}

// compare returns the latest comparison; nil: there is none yet.
func (v *Viewer) compare() *comparison {
	c := &v.comparer
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ready == nil {
		return c.latest
	}
	f, probe := *c.ready, v.source.Probe()
	if c.ready = nil; probe == nil {
		return c.latest
	}
	c.number++
	c.latest = v.predict(f, probe, c.number)
	return c.latest
}

// predict compares a frame with the pattern of the object and the probe at its position. The modes of a probe add up
// as intensities.
func (v *Viewer) predict(f Frame, probe *ndarray.Complex64, number int) *comparison {
	n := v.n
	values, coverage := make([]complex64, n*n), make([]float32, n*n)
	row, col := frame.Corner(f.X, f.Y, n)
	v.source.Look(row, col, n, n, 1, values, coverage, nil)
	propagator := optics.NewPropagator(n)
	sum, one, wave := make([]float64, n*n), make([]float64, n*n), make([]complex128, n*n)
	for mode := range slices.Chunk(probe.Data, n*n) {
		for i, p := range mode {
			wave[i] = complex128(p)
		}
		propagator.Shift(wave, frame.Fraction(f.Y), frame.Fraction(f.X))
		for i, o := range values {
			wave[i] *= complex128(o)
		}
		propagator.Intensity(wave, one)
		for i, v := range one {
			sum[i] += v
		}
	}
	c := &comparison{number: number, id: f.ID, n: n, measured: f.Pattern, predicted: make([]float32, n*n)}
	misfit, light := 0.0, 0.0
	for i, d := range f.Pattern {
		a := math.Sqrt(sum[i])
		c.predicted[i] = float32(a)
		if f.Measured == nil || f.Measured[i] {
			misfit, light = misfit+(a-float64(d))*(a-float64(d)), light+float64(d)*float64(d)
		}
	}
	if light > 0 {
		c.residual = misfit / light
	}
	return c
}

// mostShown is the largest side of a pattern on the page, in pixels: a larger one is shown as maxima of squares.
const mostShown = 128

// shown returns both patterns as uint8 (side, side) one after the other: 0 to 255 is the logarithm of 1 + counts, up
// to the largest of both.
func (c *comparison) shown() (side int, out []byte) {
	per := (c.n + mostShown - 1) / mostShown
	side = (c.n + per - 1) / per
	largest := 0.0
	var reduced [2][]float64
	for k, pattern := range [][]float32{c.measured, c.predicted} {
		reduced[k] = make([]float64, side*side)
		for i, v := range pattern {
			at := &reduced[k][i/c.n/per*side+i%c.n/per]
			*at = max(*at, math.Log1p(float64(v)*float64(v)))
			largest = max(largest, *at)
		}
	}
	for _, pattern := range reduced {
		for _, v := range pattern {
			out = append(out, byte(255*v/max(largest, math.SmallestNonzeroFloat32)+0.5))
		}
	}
	return side, out
}

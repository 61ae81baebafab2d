// Package stitch merges object patches, as a network predicts them one by one, into the object.
//
// A Canvas covers all positions of a scan, or, begun with NewGrowing, those that it was told of so far. Add puts one patch of N x N pixels on it, weighted by the probe's intensity
// |P|^2: the share of the photons that saw each pixel, which is how well the pattern determines it. Object is the
// weighted mean of the patches, Coverage the sum of the weights, Spread how far overlapping patches disagree. In the
// path of the data the package stands behind the network and before files and pictures; it never interpolates.
//
// The scan's pixel frame has x along columns and y along rows; package frame says which pixels belong to a position.
//
// # Order
//
// Sums are 64-bit integers, and integer addition is associative: any order of adding, from any number of goroutines, in
// any batches, gives the same bytes. Weights are rounded to 1/2^18 of the largest, values to 2^-24 (half a unit in the last place
// of a float32 in [0.5, 1)) and squared magnitudes to 2^-26; beyond that nothing is lost until Object divides.
//
// # Memory
//
// A canvas holds 32 bytes a pixel, and one bit for each frame added, in pages, to refuse it the second time.
package stitch

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
)

// Fixed-point layout. A pixel's sums stay inside 64 bits as long as its summed weight is below weightCapacity:
// |sum of w v| < 2^34 * 2^(2+24) and sum of w |v|^2 < 2^34 * 2^(4+26) = 2^64.
const (
	weightBits     = 18 // where a probe has fallen to 1/1000, weights are still right to 1/500
	valueBits      = 24
	squareBits     = 26
	weightCapacity = 1 << 34 // 65536 patches that see the pixel with the probe's peak
	// MaxMagnitude is the largest |value| that a patch may hold. Transmission is at most 1, and a network that scales
	// freely stays within a few times that.
	MaxMagnitude = 4
)

// Extents that no scan needs; what asks for them is a unit error (metres, or a stage's encoder counts, for pixels).
const (
	maxSide   = 1 << 16
	maxPixels = 1 << 28 // 8 GiB of sums
)

var (
	// ErrDuplicate is returned by Add for a frame that was added before; the canvas is unchanged.
	ErrDuplicate = errors.New("frame was stitched before")
	// ErrOutside is returned by Add for a position outside the box of the positions the canvas was made for.
	ErrOutside = errors.New("position lies outside the canvas")
	// ErrValue is returned by Add for a patch with NaN, Inf or a magnitude above MaxMagnitude.
	ErrValue = errors.New("patch holds a value that is not finite or too large")
	// ErrFull is returned by Add when a pixel's sums could overflow: more than 65536 full-weight patches on one pixel.
	ErrFull = errors.New("too many patches on one pixel")
)

// sums are what a pixel has gathered.
type sums struct {
	re, im int64  // of weight * value, in 2^-(18+24)
	weight int64  // in 2^-18
	square uint64 // of weight * |value|^2, in 2^-(18+26)
}

// Canvas gathers patches. Its methods may be called from several goroutines.
type Canvas struct {
	n             int
	row, col      int     // of pixel [0, 0] in the scan's frame
	height, width int     //
	stride, first int     // pixel [r, c] is pixels[first + r*stride + c]: there may be room around it
	weights       []int64 // (N, N), in 2^-18 of the largest

	mu       sync.Mutex
	pixels   []sums // (H, W)
	seen     idSet
	heaviest int64 // upper bound of any pixel's summed weight
}

// NewCanvas returns an empty canvas over the patches of all positions (x[i], y[i]), in object pixels. weights (N, N) is the
// probe's intensity |P|^2, in any unit, finite and non-negative; it is divided by its largest value. A positive weight below
// 2^-18 of that is raised to 2^-18, so that the tails of a probe count where nothing else covers; a weight of 0 means
// that the patch does not cover the pixel at all.
//
// Positions that are not finite, or so far apart that no memory holds the object, and unusable weights are *badinput.Error.
func NewCanvas(x, y []float64, n int, weights *ndarray.Float32) (*Canvas, error) {
	if len(x) != len(y) {
		return nil, &badinput.Error{Key: "ycoords", Found: fmt.Sprintf("%d values", len(y)), Expected: fmt.Sprintf("%d, as many as xcoords", len(x))}
	}
	if len(x) == 0 {
		return nil, &badinput.Error{Key: "xcoords", Found: "no position", Expected: "at least one"}
	}
	quantised, err := quantiseWeights(weights, n)
	if err != nil {
		return nil, err
	}
	left, right, err := extent("xcoords", x, n)
	if err != nil {
		return nil, err
	}
	top, bottom, err := extent("ycoords", y, n)
	if err != nil {
		return nil, err
	}
	c := &Canvas{n: n, row: top, col: left, height: bottom - top, width: right - left, weights: quantised}
	if c.height > maxPixels/c.width {
		return nil, &badinput.Error{
			Key: "xcoords, ycoords", Found: fmt.Sprintf("positions that span %d x %d pixels", c.height, c.width),
			Expected: fmt.Sprintf("at most %d pixels", maxPixels), Remedy: "give positions in object pixels, or stitch the scan in parts",
		}
	}
	c.pixels, c.stride = make([]sums, c.height*c.width), c.width
	return c, nil
}

// extent is the half-open range of pixels that the patches cover along one axis.
func extent(key string, v []float64, n int) (low, high int, err error) {
	minimum, maximum := math.Inf(1), math.Inf(-1)
	for i, p := range v {
		if math.IsNaN(p) || math.IsInf(p, 0) {
			return 0, 0, &badinput.Error{Key: key, Found: fmt.Sprintf("%v at index %d", p, i), Expected: "finite positions in object pixels", Remedy: "drop that frame"}
		}
		minimum, maximum = min(minimum, p), max(maximum, p)
	}
	// The far bound keeps conversion to int defined and leaves the frame usable.
	if !(maximum-minimum <= maxSide-float64(n)) || minimum < math.MinInt32 || maximum > math.MaxInt32 {
		return 0, 0, &badinput.Error{
			Key: key, Found: fmt.Sprintf("positions from %g to %g", minimum, maximum),
			Expected: fmt.Sprintf("a span of at most %d pixels", maxSide-n), Remedy: "give positions in object pixels",
		}
	}
	return frame.Pixel(minimum) - n/2, frame.Pixel(maximum) - n/2 + n, nil
}

// quantiseWeights rounds weights to 18 bits, the largest becoming 2^18.
func quantiseWeights(weights *ndarray.Float32, n int) ([]int64, error) {
	fault := func(found, expected string) error {
		return &badinput.Error{Key: "probeGuess", Found: found, Expected: expected, Remedy: "give the probe that the model was trained with"}
	}
	if n < 1 || !ndarray.SameShape(weights.Shape, []int{n, n}) {
		return nil, fault(fmt.Sprintf("weights of shape %v", weights.Shape), fmt.Sprintf("(%d, %d), the shape of a patch", n, n))
	}
	largest := 0.0
	for i, w := range weights.Data {
		if !(w >= 0) || math.IsInf(float64(w), 1) {
			return nil, fault(fmt.Sprintf("intensity %v at element %d", w, i), "finite and non-negative intensities")
		}
		largest = max(largest, float64(w))
	}
	if largest == 0 {
		return nil, fault("a probe that is zero everywhere", "some intensity")
	}
	out := make([]int64, n*n)
	for i, w := range weights.Data {
		if w > 0 {
			out[i] = max(1, int64(math.RoundToEven(float64(w)/largest*(1<<weightBits))))
		}
	}
	return out, nil
}

// Origin is the row and column of pixel [0, 0] in the scan's frame; negative where a patch reaches beyond its zero.
func (c *Canvas) Origin() (row, col int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.row, c.col
}

// Size is the shape of the object.
func (c *Canvas) Size() (height, width int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.height, c.width
}

// Add puts a patch (N, N) at its position (x, y). id names its frame: a frame counts once. On error (ErrDuplicate,
// ErrOutside, ErrValue, ErrFull) the canvas is as it was. The patch is not kept.
func (c *Canvas) Add(id int, x, y float64, patch []complex64) error {
	if len(patch) != c.n*c.n {
		return fmt.Errorf("stitch: frame %d: a patch of %d values, want %d x %d", id, len(patch), c.n, c.n)
	}
	if i := firstUnusable(patch); i >= 0 {
		return fmt.Errorf("stitch: frame %d, row %d, column %d: %v: %w", id, i/c.n, i%c.n, patch[i], ErrValue)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	top, left, ok := c.place(x, y)
	if !ok {
		return fmt.Errorf("stitch: frame %d at (%g, %g): %w", id, x, y, ErrOutside)
	}
	if c.seen.has(id) {
		return fmt.Errorf("stitch: frame %d: %w", id, ErrDuplicate)
	}
	if !c.reserve() {
		return fmt.Errorf("stitch: frame %d: %w", id, ErrFull)
	}
	c.seen.add(id)
	for r := range c.n {
		start := c.first + (top+r)*c.stride + left
		accumulate(c.pixels[start:start+c.n], patch[r*c.n:(r+1)*c.n], c.weights[r*c.n:(r+1)*c.n])
	}
	return nil
}

// place finds the patch's first pixel on the canvas.
func (c *Canvas) place(x, y float64) (top, left int, ok bool) {
	const far = 1 << 40 // beyond any canvas, and safe to convert
	if !(math.Abs(x) < far && math.Abs(y) < far) {
		return 0, 0, false
	}
	top, left = frame.Pixel(y)-c.n/2-c.row, frame.Pixel(x)-c.n/2-c.col
	return top, left, top >= 0 && left >= 0 && top+c.n <= c.height && left+c.n <= c.width
}

// firstUnusable is the index of the first value that cannot be summed, or -1.
func firstUnusable(patch []complex64) int {
	for i, v := range patch {
		if re, im := real(v), imag(v); !(re*re+im*im <= MaxMagnitude*MaxMagnitude) {
			return i
		}
	}
	return -1
}

// reserve makes sure that one more patch cannot overflow any pixel. The bound grows by a full weight with each patch and
// is brought down to the truth when it reaches the capacity, which happens at most once in many thousand patches.
func (c *Canvas) reserve() bool {
	const full = 1 << weightBits
	if c.heaviest+full >= weightCapacity {
		c.heaviest = 0
		for i := range c.pixels {
			c.heaviest = max(c.heaviest, c.pixels[i].weight)
		}
		if c.heaviest+full >= weightCapacity {
			return false
		}
	}
	c.heaviest += full
	return true
}

// accumulate adds one row of a patch.
func accumulate(pixels []sums, values []complex64, weights []int64) {
	for i := range pixels {
		// Both factors of each product are integers, so it is exact.
		re, im, w := fixed(real(values[i])), fixed(imag(values[i])), weights[i]
		p := &pixels[i]
		p.re += w * re
		p.im += w * im
		p.weight += w
		p.square += uint64(w) * (uint64(re*re+im*im) >> (2*valueBits - squareBits))
	}
}

// fixed rounds to a multiple of 2^-24.
func fixed(v float32) int64 { return int64(math.RoundToEven(float64(v) * (1 << valueBits))) }

// Object is the weighted mean of all patches, (H, W) complex transmission; 0 where nothing covers.
func (c *Canvas) Object() *ndarray.Complex64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := ndarray.New[complex64](c.height, c.width)
	for i, p := range c.all() {
		if p.weight > 0 {
			re, im := p.mean()
			out.Data[i] = complex(float32(re), float32(im))
		}
	}
	return out
}

// all are the object's pixels in C order. It is used with the canvas locked.
func (c *Canvas) all() iter.Seq2[int, *sums] {
	return func(yield func(int, *sums) bool) {
		for r := range c.height {
			row := c.pixels[c.first+r*c.stride:]
			for i := range c.width {
				if !yield(r*c.width+i, &row[i]) {
					return
				}
			}
		}
	}
}

// mean is the weighted mean of a pixel that is covered.
func (p *sums) mean() (re, im float64) {
	scale := float64(p.weight) * (1 << valueBits)
	return float64(p.re) / scale, float64(p.im) / scale
}

// Coverage is the sum of the weights, (H, W), in units of the probe's peak: 3 means as much light as three patches
// give at their brightest pixel. Where it is small, nothing in the data holds the object down.
func (c *Canvas) Coverage() *ndarray.Float32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := ndarray.New[float32](c.height, c.width)
	for i, p := range c.all() {
		out.Data[i] = float32(float64(p.weight) / (1 << weightBits))
	}
	return out
}

// Spread is how far the patches over a pixel disagree, (H, W): sqrt(sum w |v - mean|^2 / sum w), in the object's own
// unit. It is disagreement, not a calibrated error: 0 under a single patch, and blind to what all patches get wrong
// alike. Values below about 2e-4 are rounding.
func (c *Canvas) Spread() *ndarray.Float32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := ndarray.New[float32](c.height, c.width)
	for i, p := range c.all() {
		if p.weight > 0 {
			re, im := p.mean()
			square := float64(p.square) / (float64(p.weight) * (1 << squareBits))
			out.Data[i] = float32(math.Sqrt(max(0, square-(float64(re*re)+float64(im*im)))))
		}
	}
	return out
}

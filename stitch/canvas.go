// Package stitch merges the object patches that a network predicts into the object. It comes after the network and
// before files and pictures.
//
// A Canvas covers all positions of a scan or, made by NewGrowing, those known so far. Add puts one patch of N x N
// pixels on it. The weight of a pixel is the probe's intensity |P|^2, the share of the photons that saw it. Object is
// the weighted mean of the patches, Coverage the sum of the light, Spread the disagreement of overlapping patches.
// Variance is the mean of the variances that the network gives with the patches. Refill stitches the same patches anew,
// turned to other phases. Multiply multiplies the object with a smooth factor.
// Patches are stored at whole pixels; nothing is interpolated.
//
// In the scan's pixel frame x runs along columns and y along rows. The patch of a position covers the pixels from N/2
// before to N/2 after the pixel nearest to it.
//
// # Order
//
// Sums are 64-bit integers, so the order of Adds, their batches and goroutines do not change a byte. Weights are
// rounded to 1/2^18 of the largest, values to 2^-24 (half a unit in the last place of a float32 in [0.5, 1)) and
// squared magnitudes to 2^-26. Nothing else is lost until Multiply rounds, or Object divides.
//
// # Memory
//
// A canvas takes 32 bytes per pixel, 8 more with variances, 8 more if the light is counted apart from the weights, and
// one bit per frame, in pages, to refuse a frame the second time. A Snapshot takes 16 bytes per pixel.
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

// These names let callers outside this module write the types of arguments, results and errors.
type (
	Array        = ndarray.Float32   // a dense array of float32
	ComplexArray = ndarray.Complex64 // a dense array of complex64
	InputError   = badinput.Error    // a fault of positions or weights
)

// Fixed-point layout. A pixel's sums stay inside 64 bits as long as its summed weight is below weightCapacity:
// |sum of w v| < 2^34 * 2^(2+24) and sum of w |v|^2 < 2^34 * 2^(4+26) = 2^64.
const (
	weightBits     = 18 // where a probe has fallen to 1/1000, weights are still right to 1/500
	valueBits      = 24
	squareBits     = 26
	weightCapacity = 1 << 34 // 65536 patches with the probe's peak on the pixel
)

// No scan needs a larger object: larger positions are in another unit, such as metres or encoder counts.
const (
	maxSide   = 1 << 16
	maxPixels = 1 << 28 // 8 GiB of sums
)

var (
	// ErrDuplicate is returned by Add for a frame that was added before; the canvas is unchanged.
	ErrDuplicate = errors.New("frame was stitched before")
	// ErrOutside is returned by Add for a position outside the box of the positions the canvas was made for.
	ErrOutside = errors.New("position lies outside the canvas")
	// ErrValue is returned by Add for a patch with NaN, Inf, or magnitudes above MaxMagnitude where it has weight.
	ErrValue = errors.New("patch holds a value that is not finite or too large")
	// ErrFull is returned by Add when a pixel's sums could overflow: more than 65536 full-weight patches on one pixel.
	ErrFull = errors.New("too many patches on one pixel")
)

// sums are the sums of a pixel.
type sums struct {
	re, im int64  // of weight * value, in 2^-(18+24)
	weight int64  // in 2^-18
	square uint64 // of weight * |value|^2, in 2^-(18+26)
}

// Canvas collects patches. Several goroutines may call its methods.
type Canvas struct {
	n       int
	weights []int64 // (N, N), in 2^-18 of the largest
	light   []int64 // (N, N), in 2^-18 of the brightest pixel; nil if the weights are the light

	mu       sync.Mutex
	box      frame.Box // of the object
	room     frame.Box // of the pixels in memory, around box
	pixels   []sums    // of room
	lights   []int64   // of room, sums of light; nil if the weights are the light
	logs     []int64   // of room, sums of weight * logarithm of the variance, in 2^-(18+16); nil without variances
	seen     idSet
	heaviest int64 // upper bound of any pixel's summed weight
	open     []*Snapshot
}

// NewCanvas returns an empty canvas over the patches of all positions (x[i], y[i]), in object pixels. weights (N, N) is
// the probe's intensity |P|^2 in any unit, finite and non-negative; it is divided by its largest value. A positive
// weight below 2^-18 is raised to 2^-18, so that the tails of a probe count where nothing else covers. A weight of 0
// means that the patch does not cover the pixel.
//
// An *InputError reports positions that are not finite or too far apart for any memory, and unusable weights.
func NewCanvas(x, y []float64, n int, weights *Array) (*Canvas, error) {
	c, err := NewGrowing(n, weights)
	if err != nil {
		return nil, err
	}
	if err := c.Cover(x, y, nil); err != nil {
		return nil, err
	}
	return c, nil
}

// boxOf is the box around the patches of all positions.
func boxOf(x, y []float64, n int) (b frame.Box, err error) {
	switch {
	case len(x) != len(y):
		expected := fmt.Sprintf("%d, as many as xcoords", len(x))
		return b, &badinput.Error{Key: "ycoords", Found: fmt.Sprintf("%d values", len(y)), Expected: expected}
	case len(x) == 0:
		return b, &badinput.Error{Key: "xcoords", Found: "no position", Expected: "at least one"}
	}
	if err := checkSpan("xcoords", x, n); err != nil {
		return b, err
	}
	if err := checkSpan("ycoords", y, n); err != nil {
		return b, err
	}
	return frame.Cover(x, y, n), nil
}

// checkSpan refuses positions along one axis that no canvas can hold.
func checkSpan(key string, v []float64, n int) error {
	low, high := math.Inf(1), math.Inf(-1)
	for i, p := range v {
		if math.IsNaN(p) || math.IsInf(p, 0) {
			return &badinput.Error{
				Key: key, Found: fmt.Sprintf("%v at index %d", p, i), Expected: "finite positions in object pixels",
				Remedy: "drop that frame",
			}
		}
		low, high = min(low, p), max(high, p)
	}
	// The far bound keeps the conversion to int defined.
	if !(high-low <= maxSide-float64(n)) || low < math.MinInt32 || high > math.MaxInt32 {
		return &badinput.Error{
			Key: key, Found: fmt.Sprintf("positions from %g to %g", low, high),
			Expected: fmt.Sprintf("a span of at most %d pixels", maxSide-n), Remedy: "give positions in object pixels",
		}
	}
	return nil
}

// quantiseWeights rounds weights to 18 bits, the largest becoming 2^18.
func quantiseWeights(weights *Array, n int) ([]int64, error) {
	fault := func(found, expected string) error {
		return &badinput.Error{
			Key: "probeGuess", Found: found, Expected: expected,
			Remedy: "give the probe that the model was trained with",
		}
	}
	if n < 1 || !ndarray.SameShape(weights.Shape, []int{n, n}) {
		return nil, fault(fmt.Sprintf("weights of shape %v", weights.Shape),
			fmt.Sprintf("(%d, %d), the shape of a patch", n, n))
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

// Origin is the row and column of pixel [0, 0] in the scan's frame; negative if a patch reaches beyond its zero.
func (c *Canvas) Origin() (row, col int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.box.Top, c.box.Left
}

// Size is the shape of the object.
func (c *Canvas) Size() (height, width int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.box.Height(), c.box.Width()
}

// Box is the object's place in the scan's frame, in pixels: Origin and Size of one moment, while the canvas grows.
func (c *Canvas) Box() frame.Box {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.box
}

// Add puts a patch (N, N) at its position (x, y). id identifies its frame, which counts once. After an error
// (ErrDuplicate, ErrOutside, ErrValue, ErrFull) the canvas is unchanged. Values above MaxMagnitude that have hardly any
// weight are shortened to it. Add neither keeps nor changes the patch.
func (c *Canvas) Add(id int, x, y float64, patch []complex64) error {
	return c.add(id, x, y, patch, nil)
}

func (c *Canvas) add(id int, x, y float64, patch []complex64, logVariance []float32) error {
	if len(patch) != c.n*c.n {
		return fmt.Errorf("stitch: frame %d: a patch of %d values, want %d x %d", id, len(patch), c.n, c.n)
	}
	if err := c.checkValues(patch); err != nil {
		return fmt.Errorf("stitch: frame %d, %w", id, err)
	}
	patch = shortened(patch)
	c.mu.Lock()
	defer c.mu.Unlock()
	row, col, ok := c.locate(x, y)
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
	c.preserve(row, row+c.n)
	width := c.room.Width()
	for r := range c.n {
		start := (row+r)*width + col
		accumulate(c.pixels[start:start+c.n], patch[r*c.n:(r+1)*c.n], c.weights[r*c.n:(r+1)*c.n])
	}
	if c.light != nil {
		c.addLight(row, col)
	}
	if logVariance != nil {
		c.addLogs(row, col, logVariance)
	}
	return nil
}

// locate finds the row and column in memory of a patch's first pixel.
func (c *Canvas) locate(x, y float64) (row, col int, ok bool) {
	const far = 1 << 40 // beyond any canvas, and safe to convert
	if !(math.Abs(x) < far && math.Abs(y) < far) {
		return 0, 0, false
	}
	row, col = c.box.Offset(x, y, c.n)
	if row < 0 || col < 0 || row+c.n > c.box.Height() || col+c.n > c.box.Width() {
		return 0, 0, false
	}
	return row + c.box.Top - c.room.Top, col + c.box.Left - c.room.Left, true
}

// reserve reports whether no pixel can overflow by one more patch. The bound grows by a full weight with each patch.
// When it reaches the capacity, at most once in many thousand patches, the exact maximum replaces it.
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

// fixed rounds to a multiple of 2^-24; v is finite and far below 2^26. Adding 3 * 2^51 rounds to an integer, ties to
// even, which then is in the low bits of the sum: two instructions instead of the call of math.RoundToEven.
func fixed(v float32) int64 { return rounded(float64(v) * (1 << valueBits)) }

// rounded is the integer nearest to v, of a magnitude below 2^50.
func rounded(v float64) int64 {
	const shift = 3 << 51
	return int64(math.Float64bits(v+shift)) - int64(shiftBits)
}

// shiftBits are the bits of 3 * 2^51.
const shiftBits = 0x4338_0000_0000_0000

// Object is the weighted mean of all patches, (H, W) complex transmission; 0 where none lies.
func (c *Canvas) Object() *ComplexArray {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := ndarray.New[complex64](c.box.Height(), c.box.Width())
	for i, p := range c.all() {
		out.Data[i] = p.value()
	}
	return out
}

// all iterates over the object's pixels in C order, with the canvas locked.
func (c *Canvas) all() iter.Seq2[int, *sums] {
	return func(yield func(int, *sums) bool) {
		width, top, left := c.box.Width(), c.box.Top-c.room.Top, c.box.Left-c.room.Left
		for r := range c.box.Height() {
			row := c.pixels[(top+r)*c.room.Width()+left:]
			for i := range width {
				if !yield(r*width+i, &row[i]) {
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

// value is the pixel of Object.
func (p *sums) value() complex64 {
	if p.weight == 0 {
		return 0
	}
	re, im := p.mean()
	return complex(float32(re), float32(im))
}

// total is the pixel of Weight.
func (p *sums) total() float32 { return float32(float64(p.weight) / (1 << weightBits)) }

// spread is the pixel of Spread.
func (p *sums) spread() float32 {
	if p.weight == 0 {
		return 0
	}
	re, im := p.mean()
	square := float64(p.square) / (float64(p.weight) * (1 << squareBits))
	return float32(math.Sqrt(max(0, square-(float64(re*re)+float64(im*im)))))
}

// Spread is the disagreement of the patches over a pixel, (H, W): sqrt(sum w |v - mean|^2 / sum w), in the object's
// unit. It is no calibrated error: it is 0 under a single patch, and it does not show an error that all patches share.
// Values below about 2e-4 are rounding.
func (c *Canvas) Spread() *Array { return c.each(func(_ int, p *sums) float32 { return p.spread() }) }

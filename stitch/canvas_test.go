package stitch_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/stitch"
)

// gaussian is a probe intensity that peaks in the middle and has faint tails.
func gaussian(n int) *ndarray.Float32 {
	w := ndarray.New[float32](n, n)
	for r := range n {
		for c := range n {
			y, x := float64(r-n/2)/float64(n)*6, float64(c-n/2)/float64(n)*6
			w.Data[r*n+c] = float32(37 * math.Exp(-(x*x + y*y)))
		}
	}
	return w
}

// scan is a jittered grid of positions, negative and fractional ones among them, with a random patch at each.
type scan struct {
	n       int
	x, y    []float64
	patches [][]complex64
}

func randomScan(seed uint64, n, frames int) scan {
	rng := rand.New(rand.NewPCG(seed, 7))
	s := scan{n: n}
	for range frames {
		s.x = append(s.x, (rng.Float64()-0.4)*float64(4*n))
		s.y = append(s.y, (rng.Float64()-0.3)*float64(3*n))
		p := make([]complex64, n*n)
		for i := range p {
			p[i] = complex(float32(0.5*rng.NormFloat64()), float32(0.5*rng.NormFloat64()))
		}
		s.patches = append(s.patches, p)
	}
	return s
}

func (s scan) canvas(t testing.TB) *stitch.Canvas {
	t.Helper()
	c, err := stitch.NewCanvas(s.x, s.y, s.n, gaussian(s.n))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s scan) add(t testing.TB, c *stitch.Canvas, frames []int) {
	t.Helper()
	for _, i := range frames {
		if err := c.Add(i, s.x[i], s.y[i], s.patches[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// outputs are all results of a canvas.
func outputs(c *stitch.Canvas) string {
	return fmt.Sprint(c.Object().Data, c.Coverage().Data, c.Spread().Data)
}

func TestOrderDoesNotMatter(t *testing.T) {
	s := randomScan(1, 8, 200)
	rng := rand.New(rand.NewPCG(3, 4))
	order := rng.Perm(len(s.x))
	first := s.canvas(t)
	s.add(t, first, order)
	want := outputs(first)
	for range 5 {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		c := s.canvas(t)
		s.add(t, c, order)
		if outputs(c) != want {
			t.Fatal("another order of patches gives other bytes")
		}
	}
	c := s.canvas(t)
	var group sync.WaitGroup
	for batch := range slices.Chunk(order, 17) {
		group.Go(func() { s.add(t, c, batch) })
	}
	group.Wait()
	if outputs(c) != want {
		t.Fatal("adding from several goroutines gives other bytes")
	}
}

// known is an object without any symmetry: a gradient along each axis and a marker near one corner.
func known(height, width int) *ndarray.Complex64 {
	o := ndarray.New[complex64](height, width)
	for r := range height {
		for c := range width {
			o.Data[r*width+c] = complex(0.3+0.01*float32(r), -0.2+0.02*float32(c))
		}
	}
	o.Data[3*width+5], o.Data[3*width+6], o.Data[4*width+5] = 2, 1i, -1
	return o
}

// TestKnownObject: patches cut out of an object reproduce it. The object's pixel (0, 0) is that of the scan's frame.
func TestKnownObject(t *testing.T) {
	const n, height, width = 8, 40, 50
	object := known(height, width)
	rng := rand.New(rand.NewPCG(5, 6))
	var x, y []float64
	for range 300 {
		x = append(x, n/2+rng.Float64()*(width-n))
		y = append(y, n/2+rng.Float64()*(height-n))
	}
	// Corners, so that the canvas is the object's own box; the fraction must not move a patch.
	x = append(x, n/2-0.5, width-n/2+0.49)
	y = append(y, n/2+0.3, height-n/2-0.25)
	c, err := stitch.NewCanvas(x, y, n, gaussian(n))
	if err != nil {
		t.Fatal(err)
	}
	if row, col := c.Origin(); row != 0 || col != 0 {
		t.Fatalf("origin (%d, %d), want (0, 0)", row, col)
	}
	if h, w := c.Size(); h != height || w != width {
		t.Fatalf("size %d x %d, want %d x %d", h, w, height, width)
	}
	for i := range x {
		patch := make([]complex64, 0, n*n)
		top, left := frame.Pixel(y[i])-n/2, frame.Pixel(x[i])-n/2
		for r := range n {
			patch = append(patch, object.Data[(top+r)*width+left:][:n]...)
		}
		if err := c.Add(i, x[i], y[i], patch); err != nil {
			t.Fatal(err)
		}
	}
	got, coverage, spread := c.Object(), c.Coverage(), c.Spread()
	covered := 0
	for i, w := range coverage.Data {
		if w == 0 {
			if got.Data[i] != 0 || spread.Data[i] != 0 {
				t.Fatalf("pixel %d is not covered, but holds %v, spread %v", i, got.Data[i], spread.Data[i])
			}
			continue
		}
		covered++
		// 2^-25 from the fixed point, and a float32's own rounding of values up to 2 (2^-24).
		const tolerance = 0x1p-25 + 0x1p-24
		d := got.Data[i] - object.Data[i]
		if !(math.Abs(float64(real(d))) <= tolerance && math.Abs(float64(imag(d))) <= tolerance) {
			t.Fatalf("pixel (%d, %d): %v, want %v", i/width, i%width, got.Data[i], object.Data[i])
		}
		if !(spread.Data[i] <= 2e-4) { // as documented
			t.Fatalf("pixel %d: equal patches spread by %v", i, spread.Data[i])
		}
	}
	if covered < height*width*9/10 {
		t.Fatalf("only %d of %d pixels covered: the test sees too little", covered, height*width)
	}
}

// TestFrame checks the pixels of a single patch: no flip, no transposition, rounding as in package frame.
func TestFrame(t *testing.T) {
	const n = 4
	patch := make([]complex64, n*n)
	patch[0*n+1], patch[3*n+2] = 1, 2i // row 0 column 1; row 3 column 2
	for _, c := range []struct {
		x, y     float64
		row, col int // of patch element [0, 0]
	}{
		{10, 20, 18, 8},
		{10.5, 20.5, 19, 9},
		{10.49, 20.51, 19, 8},
		{-3, -7, -9, -5},
		{-3.5, -7.5, -9, -5},
		{-3.51, -7.49, -9, -6},
	} {
		canvas, err := stitch.NewCanvas([]float64{c.x}, []float64{c.y}, n, gaussian(n))
		if err != nil {
			t.Fatal(err)
		}
		if row, col := canvas.Origin(); row != c.row || col != c.col {
			t.Errorf("(%v, %v): origin (%d, %d), want (%d, %d)", c.x, c.y, row, col, c.row, c.col)
		}
		if err := canvas.Add(0, c.x, c.y, patch); err != nil {
			t.Fatal(err)
		}
		if got := canvas.Object().Data; !slices.Equal(got, patch) {
			t.Errorf("(%v, %v): object %v, want the patch", c.x, c.y, got)
		}
	}
}

// TestWeights: two overlapping patches give the weighted mean and their spread. A weight of zero is no coverage, a
// faint one is 2^-18.
func TestWeights(t *testing.T) {
	w := ndarray.Wrap([]float32{8, 4, 0, 1e-9}, 2, 2)
	c, err := stitch.NewCanvas([]float64{1, 2}, []float64{1, 1}, 2, w)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range [][]complex64{{1, 1, 1, 1}, {4, 4, 4, 4}} {
		if err := c.Add(i, float64(i+1), 1, p); err != nil {
			t.Fatal(err)
		}
	}
	// Columns: first patch alone, both (first patch's right, second's left), second alone.
	wantObject := []complex64{1, 3, 4, 0, 1, 4}
	wantCoverage := []float32{1, 1.5, 0.5, 0, 0x1p-18, 0x1p-18}
	if got := c.Object().Data; !slices.Equal(got, wantObject) {
		t.Errorf("object %v, want %v", got, wantObject)
	}
	if got := c.Coverage().Data; !slices.Equal(got, wantCoverage) {
		t.Errorf("coverage %v, want %v", got, wantCoverage)
	}
	// Weighted variance at the middle: (0.5 * (1-3)^2 + 1 * (4-3)^2) / 1.5 = 2.
	if got := c.Spread().Data[1]; !(math.Abs(float64(got)-math.Sqrt2) <= 1e-6) {
		t.Errorf("spread %v, want sqrt(2)", got)
	}
}

// TestFaintWeights: at the rim of a probe patches still count by its intensity, to 2^-19 of the brightest pixel's.
func TestFaintWeights(t *testing.T) {
	const left, right = 1.0 / 3000, 1.0 / 1700
	w := ndarray.Wrap([]float32{left, right, 0, 1}, 2, 2)
	c, err := stitch.NewCanvas([]float64{1, 2}, []float64{1, 1}, 2, w)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range [][]complex64{{1, 1, 0, 0}, {0, 0, 0, 0}} {
		if err := c.Add(i, float64(i+1), 1, p); err != nil {
			t.Fatal(err)
		}
	}
	const rounding = 0x1p-19 / (left + right) // of a weight, in the quotient of the weights
	got, want := real(c.Object().Data[1]), right/(left+right)
	if !(math.Abs(float64(got)-want) <= rounding) {
		t.Errorf("the mean where both are faint is %v, by intensity %v", got, want)
	}
}

func TestAddRefuses(t *testing.T) {
	const n = 4
	newCanvas := func() *stitch.Canvas {
		c, err := stitch.NewCanvas([]float64{5, 9}, []float64{5, 9}, n, gaussian(n))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Add(7, 5, 5, make([]complex64, n*n)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	with := func(v complex64) []complex64 {
		p := make([]complex64, n*n)
		p[n*n-1] = v
		return p
	}
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		id    int
		x, y  float64
		patch []complex64
		want  error // nil: any
	}{
		"again":        {7, 9, 9, with(1), stitch.ErrDuplicate},
		"outside":      {8, 10, 9, with(1), stitch.ErrOutside},
		"above":        {8, 9, 4.49, with(1), stitch.ErrOutside},
		"NaN position": {8, math.NaN(), 9, with(1), stitch.ErrOutside},
		"far":          {8, 1e300, 9, with(1), stitch.ErrOutside},
		"NaN":          {8, 9, 9, with(complex(0, nan)), stitch.ErrValue},
		"Inf":          {8, 9, 9, with(complex(float32(math.Inf(-1)), 0)), stitch.ErrValue},
		"large":        {8, 9, 9, slices.Repeat([]complex64{3 + 3i}, n*n), stitch.ErrValue},
		"short":        {8, 9, 9, make([]complex64, 3), nil},
	} {
		canvas := newCanvas()
		before := outputs(canvas)
		err := canvas.Add(c.id, c.x, c.y, c.patch)
		if err == nil || (c.want != nil && !errors.Is(err, c.want)) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		if outputs(canvas) != before {
			t.Errorf("%s: the canvas changed", name)
		}
		// A refused frame may come again in good order; the duplicate may not.
		if err := canvas.Add(8, 9, 9, with(stitch.MaxMagnitude)); err != nil {
			t.Errorf("%s: then a good patch: %v", name, err)
		}
	}
}

func TestNewCanvasRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	weights := func(v ...float32) *ndarray.Float32 { return ndarray.Wrap(v, 2, 2) }
	good := weights(1, 1, 1, 1)
	for name, c := range map[string]struct {
		x, y    []float64
		weights *ndarray.Float32
	}{
		"none":             {nil, nil, good},
		"lengths":          {[]float64{1, 2}, []float64{1}, good},
		"NaN":              {[]float64{1, nan}, []float64{1, 1}, good},
		"Inf":              {[]float64{1, 1}, []float64{1, inf}, good},
		"span":             {[]float64{0, 65536}, []float64{1, 1}, good},
		"area":             {[]float64{0, 60000}, []float64{0, 60000}, good},
		"far away":         {[]float64{1e12, 1e12}, []float64{1, 1}, good},
		"overflowing span": {[]float64{-1.7e308, 1.7e308}, []float64{1, 1}, good},
		"weights shape":    {[]float64{1}, []float64{1}, ndarray.New[float32](2, 3)},
		"negative weight":  {[]float64{1}, []float64{1}, weights(1, -1, 1, 1)},
		"NaN weight":       {[]float64{1}, []float64{1}, weights(1, 1, 1, float32(nan))},
		"Inf weight":       {[]float64{1}, []float64{1}, weights(1, 1, 1, float32(inf))},
		"zero weights":     {[]float64{1}, []float64{1}, weights(0, 0, 0, 0)},
	} {
		_, err := stitch.NewCanvas(c.x, c.y, 2, c.weights)
		var fault *badinput.Error
		if !errors.As(err, &fault) || fault.Key == "" {
			t.Errorf("%s: error %v, want a *badinput.Error with a key", name, err)
		}
	}
}

// TestFull: a pixel refuses patches at exactly the documented capacity, and its sums are right up to it.
func TestFull(t *testing.T) {
	const capacity = 65535 // patches of weight 1 whose sum stays below 65536
	c, err := stitch.NewCanvas([]float64{0}, []float64{0}, 1, ndarray.Wrap([]float32{3}, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	for i := range capacity {
		if err := c.Add(i, 0, 0, []complex64{-stitch.MaxMagnitude}); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := c.Add(capacity, 0, 0, []complex64{1}); !errors.Is(err, stitch.ErrFull) {
		t.Fatalf("error %v, want ErrFull", err)
	}
	if got := c.Object().Data[0]; got != -stitch.MaxMagnitude {
		t.Errorf("object %v, want %v", got, -stitch.MaxMagnitude)
	}
	if got := c.Spread().Data[0]; got != 0 {
		t.Errorf("spread %v, want 0", got)
	}
}

// TestManyFaint: a canvas takes more frames than the capacity of a pixel if no pixel gets them all.
func TestManyFaint(t *testing.T) {
	const frames = 70000
	x, y := make([]float64, frames), make([]float64, frames)
	for i := range x {
		x[i], y[i] = float64(i%300), float64(i/300)
	}
	c, err := stitch.NewCanvas(x, y, 1, ndarray.Wrap([]float32{1}, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	for i := range x {
		if err := c.Add(i, x[i], y[i], []complex64{1}); err != nil {
			t.Fatal(i, err)
		}
	}
}

// TestMemory: each further frame takes one bit of memory.
func TestMemory(t *testing.T) {
	s := randomScan(2, 8, 1)
	c := s.canvas(t)
	id := 0
	s.add(t, c, []int{0})
	if perFrame := testing.AllocsPerRun(4000, func() {
		id++
		if err := c.Add(id, s.x[0], s.y[0], s.patches[0]); err != nil {
			t.Fatal(err)
		}
	}); perFrame != 0 {
		t.Errorf("%v allocations a frame", perFrame)
	}
}

func BenchmarkAdd(b *testing.B) {
	const n = 64
	s := randomScan(3, n, 64)
	c := s.canvas(b)
	b.SetBytes(n * n * 8)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%60000 == 0 { // a canvas takes 65535 patches on one pixel
			c = s.canvas(b)
		}
		if err := c.Add(i, s.x[i%64], s.y[i%64], s.patches[i%64]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "patches/s")
}

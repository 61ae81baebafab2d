package render

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
)

// marked is an object of amplitude 1 but for one pixel of amplitude 2.
func marked(h, w, row, col int) *ndarray.Complex64 {
	o := ndarray.New[complex64](h, w)
	for i := range o.Data {
		o.Data[i] = 1
	}
	o.Data[row*w+col] = 2
	return o
}

// decode reads a picture back.
func decode(t *testing.T, path string) (at func(x, y int) color.RGBA, width, height int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return func(x, y int) color.RGBA {
		return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
	}, img.Bounds().Dx(), img.Bounds().Dy()
}

// TestOrientation finds a bright pixel of row 2, column 30 of 40 x 36 near the top and near the right of the picture,
// and nowhere else but at the top of the colour bar.
func TestOrientation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "amplitude.png")
	p, err := AmplitudePanel(marked(40, 36, 2, 30), View{})
	if err != nil {
		t.Fatal(err)
	}
	p.Low, p.High = 1, 2
	if err := Sheet(path, [][]Cell{{p}}); err != nil {
		t.Fatal(err)
	}
	at, width, height := decode(t, path)
	table := Sequential.table()
	left, top, bottom := width, height, -1
	minX, maxX, minY, maxY := width, -1, height, -1
	for y := range height {
		for x := range width {
			switch at(x, y) {
			case table[0]:
				left, top, bottom = min(left, x), min(top, y), max(bottom, y)
			case table[255]:
				if x < width*3/4 { // the colour bar lies beyond
					minX, maxX, minY, maxY = min(minX, x), max(maxX, x), min(minY, y), max(maxY, y)
				}
			}
		}
	}
	const zoom = wantSide / 40
	got := [4]int{minX - left, maxX - minX + 1, minY - top, maxY - minY + 1}
	if want := [4]int{30 * zoom, zoom, 2 * zoom, zoom}; got != want {
		t.Errorf("marker: column offset, width, row offset, height %v, want %v", got, want)
	}
	// The axis is drawn over the last device row.
	if rows := bottom - top + 1; rows != 40*zoom-1 {
		t.Errorf("the image shows %d device rows, want %d", rows, 40*zoom-1)
	}
}

// drawTo returns a function that draws a panel to a PNG file.
func drawTo(path string) func(p *Panel, err error) error {
	return func(p *Panel, err error) error {
		if err != nil {
			return err
		}
		return Sheet(path, [][]Cell{{p}})
	}
}

// TestSameBytes draws everything twice.
func TestSameBytes(t *testing.T) {
	object := marked(50, 40, 3, 5)
	coverage := ndarray.New[float32](50, 40)
	for i := range coverage.Data {
		coverage.Data[i] = float32(i % 40)
	}
	view := View{Row: -7, Col: 9, Coverage: coverage}
	for name, drawing := range map[string]func(path string) error{
		"amplitude": func(p string) error { return drawTo(p)(AmplitudePanel(object, view)) },
		"phase":     func(p string) error { return drawTo(p)(PhasePanel(object, view)) },
		"map":       func(p string) error { return drawTo(p)(MapPanel(coverage, View{}, "coverage")) },
		"loss":      func(p string) error { return LossCurve(p, []float64{3, 2, 1}, []float64{4, math.NaN(), 2}) },
	} {
		dir := t.TempDir()
		var pictures [2][]byte
		for i := range pictures {
			path := filepath.Join(dir, name+".png")
			if err := drawing(path); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var err error
			if pictures[i], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(pictures[0], pictures[1]) {
			t.Errorf("%s: two drawings differ", name)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%s: left %v behind, error %v", name, entries, err)
		}
	}
}

// TestCrop: the picture is cropped to the well covered box, keeps its place in the scan's frame, and poorly covered
// pixels are grey.
func TestCrop(t *testing.T) {
	coverage := ndarray.New[float32](10, 12)
	for r := 2; r < 9; r++ {
		for c := 3; c < 8; c++ {
			coverage.Data[r*12+c] = 5
		}
	}
	coverage.Data[0], coverage.Data[4*12+4] = 0.4, 0.4 // below a tenth of 5: a far corner, and a hole
	object := marked(10, 12, 8, 7)
	p, err := AmplitudePanel(object, View{Row: 100, Col: -50, Coverage: coverage})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := [4]int{p.Row, p.Col, p.H, p.W}, [4]int{102, -47, 7, 5}; got != want {
		t.Errorf("row, column, height, width %v, want %v", got, want)
	}
	if p.Values[len(p.Values)-1] != 2 {
		t.Errorf("last value %v, want the marker's 2", p.Values[len(p.Values)-1])
	}
	colours := p.colours(p.Map.table())
	for i, c := range colours {
		if (c == uncovered()) != (i == 2*5+1) {
			t.Errorf("pixel %d: colour %v; only the hole is grey", i, c)
		}
	}
}

// TestFlatPhase: flattening removes a ramp of many turns and a constant phase, and keeps the structure.
func TestFlatPhase(t *testing.T) {
	const h, w = 70, 90
	structure := func(r, c int) float64 {
		return 0.4 * math.Sin(2*math.Pi*float64(r)/7) * math.Sin(2*math.Pi*float64(c)/9)
	}
	object := ndarray.New[complex64](h, w)
	for i := range object.Data {
		r, c := i/w, i%w
		object.Data[i] = complex64(cmplx.Rect(0.8, structure(r, c)+0.31*float64(r)-1.17*float64(c)+2))
	}
	img, err := crop(object, View{})
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range flatPhase(img) {
		// The fit region holds broken periods, which tilt the best ramp by less than 0.05 rad over the picture.
		if want := structure(i/w, i%w); !(math.Abs(got-want) <= 0.05) {
			t.Fatalf("pixel (%d, %d): phase %v, want %v", i/w, i%w, got, want)
		}
	}
}

// TestPhaseColours: a phase that wraps gets the cyclic map from -pi to pi, a small one its own range.
func TestPhaseColours(t *testing.T) {
	lens := func(strength float64) *Panel {
		o := ndarray.New[complex64](60, 60)
		for i := range o.Data {
			r, c := float64(i/60-30), float64(i%60-30)
			o.Data[i] = complex64(cmplx.Rect(1, strength*(r*r+c*c)))
		}
		p, err := PhasePanel(o, View{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := lens(0.05); p.Map != Cyclic || p.Low != -math.Pi || p.High != math.Pi {
		t.Errorf("strong lens: map %d, range %v to %v, want cyclic and the whole circle", p.Map, p.Low, p.High)
	}
	if p := lens(0.0005); p.Map != Grey || !(p.High-p.Low < 1) {
		t.Errorf("weak lens: map %d, range %v to %v, want grey and less than 1 rad", p.Map, p.Low, p.High)
	}
}

func TestColormaps(t *testing.T) {
	luminance := func(c color.RGBA) float64 { return 0.2126*float64(c.R) + 0.7152*float64(c.G) + 0.0722*float64(c.B) }
	for _, m := range []Colormap{Sequential, Grey} {
		table := m.table()
		for i := 1; i < 256; i++ {
			if !(luminance(table[i])-luminance(table[i-1]) >= -0.5) { // rounding to bytes
				t.Errorf("map %d darkens at %d", m, i)
			}
		}
	}
	cyclic := Cyclic.table()
	if cyclic[0] != cyclic[255] {
		t.Errorf("the cyclic map's ends are %v and %v", cyclic[0], cyclic[255])
	}
	for i := 1; i < 256; i++ {
		step := math.Abs(float64(cyclic[i].R)-float64(cyclic[i-1].R)) +
			math.Abs(float64(cyclic[i].G)-float64(cyclic[i-1].G)) +
			math.Abs(float64(cyclic[i].B)-float64(cyclic[i-1].B))
		if !(step >= 1 && step <= 16) {
			t.Errorf("the cyclic map's step at %d is %v, want even steps", i, step)
		}
	}
	if low, high := Diverging.table()[0], Diverging.table()[255]; low.B <= low.R || high.R <= high.B {
		t.Errorf("the diverging map runs from %v to %v, want blue to red", low, high)
	}
}

// TestOddValues: NaN, Inf and uncovered pixels are grey, constant and empty images get a range.
func TestOddValues(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	values := ndarray.Wrap([]float32{1, nan, inf, 3}, 2, 2)
	p, err := MapPanel(values, View{}, "unit")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range p.colours(p.Map.table()) {
		if grey := i == 1 || i == 2; (c == uncovered()) != grey {
			t.Errorf("pixel %d: colour %v", i, c)
		}
	}
	if p.Low != 1 || p.High != 3 {
		t.Errorf("range %v to %v, want 1 to 3", p.Low, p.High)
	}
	dir := t.TempDir()
	draw := func(name string) func(*Panel, error) error { return drawTo(filepath.Join(dir, name)) }
	nothing := ndarray.New[float32](3, 4)
	for name, drawing := range map[string]func() error{
		"NaN only": func() error {
			return draw("n.png")(MapPanel(ndarray.Wrap([]float32{nan}, 1, 1), View{}, ""))
		}, "NaN object": func() error {
			return draw("p.png")(PhasePanel(ndarray.Wrap([]complex64{complex(nan, 0), 0}, 1, 2), View{}))
		}, "no coverage": func() error {
			return draw("c.png")(MapPanel(nothing, View{Coverage: nothing}, ""))
		}, "long": func() error {
			return draw("l.png")(AmplitudePanel(ndarray.New[complex64](2000, 3), View{}))
		}, "no losses": func() error { return LossCurve(filepath.Join(dir, "e.png"), nil, nil) },
		"NaN losses": func() error {
			return LossCurve(filepath.Join(dir, "f.png"), []float64{math.NaN()}, []float64{math.Inf(1)})
		},
		"one epoch":      func() error { return LossCurve(filepath.Join(dir, "1.png"), []float64{2}, []float64{0.1}) },
		"negative":       func() error { return LossCurve(filepath.Join(dir, "m.png"), []float64{-2, -300}, nil) },
		"equal losses":   func() error { return LossCurve(filepath.Join(dir, "q.png"), []float64{2, 2, 2}, nil) },
		"enormous range": func() error { return LossCurve(filepath.Join(dir, "r.png"), []float64{1e-300, 1e300}, nil) },
	} {
		if err := drawing(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := draw("bad.png")(AmplitudePanel(ndarray.New[complex64](2, 3, 4), View{})); err == nil {
		t.Error("a stack of images was drawn as one")
	}
	if err := draw("bad.png")(AmplitudePanel(ndarray.New[complex64](4, 4), View{Coverage: nothing})); err == nil {
		t.Error("a coverage of another shape was taken")
	}
	if err := draw("none/a.png")(MapPanel(values, View{}, "")); err == nil {
		t.Error("a missing folder gave no error")
	}
}

func TestPercentiles(t *testing.T) {
	values := make([]float64, 100001)
	for i := range values {
		values[i] = float64((i * 37) % len(values)) // every number once
	}
	p := percentiles(values, 0.01, 0.5, 0.99)
	for i, want := range []float64{1000, 50000, 99000} {
		if !(math.Abs(p[i]-want) <= 500) { // a sample of 1 in 7
			t.Errorf("percentile %d is %v, want about %v", i, p[i], want)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      []string
	}{
		{-0.5, 229.5, []string{"0", "50", "100", "150", "200"}},
		{0.556, 0.729, []string{"0.60", "0.65", "0.70"}},
		{-3.14159, 3.14159, []string{"-2", "0", "2"}},
		{0, 1, []string{"0", "0.2", "0.4", "0.6", "0.8", "1.0"}},
		{1, 1, nil},
	} {
		var got []string
		for _, tick := range Ticks(c.low, c.high) {
			got = append(got, tick.Label)
			if !(tick.Value >= c.low && tick.Value <= c.high) {
				t.Errorf("%v to %v: a tick at %v", c.low, c.high, tick.Value)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v to %v: ticks %q, want %q", c.low, c.high, got, c.want)
		}
	}
}

func BenchmarkPhase(b *testing.B) {
	object := ndarray.New[complex64](230, 230)
	for i := range object.Data {
		r, c := i/230, i%230
		object.Data[i] = complex64(cmplx.Rect(0.7+0.1*math.Sin(float64(i)),
			0.3*math.Sin(float64(r*c)/900)+0.02*float64(r)))
	}
	path := filepath.Join(b.TempDir(), "phase.png")
	for b.Loop() {
		if err := drawTo(path)(PhasePanel(object, View{})); err != nil {
			b.Fatal(err)
		}
	}
}

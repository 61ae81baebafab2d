package reconstruct

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/format/npz"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
)

// erring is a scan of a known object and what a network with errors makes of it.
type erring struct {
	data   dataset.ScanData
	object *ndarray.Complex64 // (side, side), true
	wrong  *ndarray.Complex64 // likewise, with errors that all patches share
}

const side = 150

// newErring measures a smooth object with photons per pattern, 60 patterns. The errors of the network's object are
// complex and smooth over some pixels, as those of a network are, and each part has the given standard deviation; 0
// makes them none.
func newErring(photons, deviation float64, scale float32) erring {
	rng := rand.New(rand.NewPCG(1, 2))
	e := erring{object: ndarray.New[complex64](side, side), wrong: ndarray.New[complex64](side, side)}
	for i := range e.object.Data {
		y, x := float64(i/side), float64(i%side)
		sin, cos := math.Sincos(0.4 * math.Sin(0.13*x) * math.Cos(0.09*y))
		e.object.Data[i] = complex(float32(0.9*cos), float32(0.9*sin))
	}
	re, im := smoothField(rng, deviation), smoothField(rng, deviation)
	for i, v := range e.object.Data {
		e.wrong.Data[i] = v + complex(re[i], im[i])
	}
	probe := gaussianProbe()
	optics.NormalisePower(probe, photons)
	count := 60
	e.data = dataset.ScanData{Patterns: ndarray.New[float32](count, n, n), Probe: probe}
	propagator, intensity := optics.NewPropagator(n), make([]float64, image)
	for i := range count {
		x, y := 40+70*rng.Float64(), 40+70*rng.Float64()
		e.data.X, e.data.Y = append(e.data.X, x), append(e.data.Y, y)
		moved := optics.ShiftProbe(probe, frame.Fraction(y), frame.Fraction(x))
		propagator.Intensity(optics.ExitWave(moved, ndarray.Wrap(cutFrom(e.object, x, y), n, n)), intensity)
		for k, v := range intensity {
			e.data.Patterns.Data[i*image+k] = scale * float32(math.Sqrt(poisson(rng, v)))
		}
	}
	return e
}

// smoothField is normally distributed, smooth over a few pixels and of the given standard deviation, (side, side).
func smoothField(rng *rand.Rand, deviation float64) []float32 {
	field := make([]float32, side*side)
	for i := range field {
		field[i] = float32(rng.NormFloat64())
	}
	for range 4 {
		binomial(field, side, side, 1, side)
		binomial(field, side, side, side, 1)
	}
	square := 0.0
	for _, v := range field {
		square += float64(v) * float64(v) / float64(len(field))
	}
	for i := range field {
		field[i] *= float32(deviation / math.Sqrt(square))
	}
	return field
}

// poisson draws a count: of a small mean by Knuth's product, of a large one by the normal distribution.
func poisson(rng *rand.Rand, mean float64) float64 {
	if mean > 50 {
		return max(0, math.Round(mean+math.Sqrt(mean)*rng.NormFloat64()))
	}
	count, product := 0.0, rng.Float64()
	for limit := math.Exp(-mean); product > limit; count++ {
		product *= rng.Float64()
	}
	return count
}

// cutFrom cuts the patch (N, N) of a position out of an object.
func cutFrom(object *ndarray.Complex64, x, y float64) []complex64 {
	row, col := frame.Corner(x, y, n)
	out := make([]complex64, 0, image)
	for r := row; r < row+n; r++ {
		out = append(out, object.Data[r*side+col:r*side+col+n]...)
	}
	return out
}

// reconstructed stitches the wrong patches, whose variance the network takes for the given one.
func (e erring) reconstructed(t *testing.T, variance float64) *Result {
	t.Helper()
	c := model(1, "full")
	c.Network, c.Variance, c.Probe = "unrolled", true, e.data.Probe
	r, err := New(opened(t, e.data), c, Options{BatchSize: 7})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := r.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	patterns := make([]float32, r.Size(0))
	for i := range r.Batches() {
		if err := reader.Read(i, patterns); err != nil {
			t.Fatal(err)
		}
		var patches []complex64
		for _, group := range r.groupsOf(i) {
			patches = append(patches, cutFrom(e.wrong, e.data.X[group[0]], e.data.Y[group[0]])...)
		}
		logs := slices.Repeat([]float32{float32(math.Log(variance))}, len(patches))
		if _, err := r.Add(i, patches, logs); err != nil {
			t.Fatal(err)
		}
	}
	return r.Result("fake")
}

// lit is the mean of sigma where the coverage is above its mean.
func lit(r *Result) float64 {
	mean, sum, count := 0.0, 0.0, 0.0
	for _, c := range r.Coverage.Data {
		mean += float64(c) / float64(len(r.Coverage.Data))
	}
	for i, s := range r.Sigma.Data {
		if float64(r.Coverage.Data[i]) > mean {
			sum, count = sum+float64(s), count+1
		}
	}
	return sum / count
}

// TestSigmaIsTheError: errors that all patches share are invisible to their spread. Sigma still is about their standard
// deviation, in any unit of the patterns and whatever the network says of its patches. The deviation that it is made of
// is up to a fifth too large: where a pattern is dark, the roots of its intensities see all of an error and not half.
func TestSigmaIsTheError(t *testing.T) {
	for _, c := range []struct {
		name                         string
		photons, deviation, variance float64
		scale                        float32
		tolerance                    float64
	}{
		{"many photons", 1e7, 0.05, 1e-2, 1, 0.25},
		{"a network that knows little of its errors", 1e7, 0.05, 1e-4, 1, 0.25},
		{"fewer photons", 1e5, 0.05, 1e-2, 1, 0.25},
		{"another unit", 1e7, 0.05, 1e-2, 1e-3, 0.25},
	} {
		r := newErring(c.photons, c.deviation, c.scale).reconstructed(t, c.variance)
		if got := lit(r); !testutil.Close(got, c.deviation, 0, c.tolerance) {
			t.Errorf("%s: sigma %.4f, want %.4f", c.name, got, c.deviation)
		}
		if largest := slices.Max(r.Spread.Data); largest > 1e-3 {
			t.Errorf("%s: a spread of %g, want none", c.name, largest)
		}
	}
}

// Without errors beyond noise, sigma is what is left of the network's variance over many patches.
func TestSigmaOfARightObject(t *testing.T) {
	const variance = 1e-4
	r := newErring(1e6, 0, 1).reconstructed(t, variance)
	if got := lit(r); !(got > 0 && got < math.Sqrt(variance/2)) {
		t.Errorf("sigma %g, want above 0 and below that of a patch, %g", got, math.Sqrt(variance/2))
	}
}

func TestExcessFit(t *testing.T) {
	for name, want := range map[string][2]float32{"both": {0.5, 2}, "the first": {3, 0}, "the second": {0, 0.25}} {
		var fit excessFit
		for i := range 20 {
			a, b := 1+0.1*float64(i%5), 0.3*float64(i%7)
			fit.add(float64(want[0])*a+float64(want[1])*b, a, b)
		}
		a, b := fit.solve()
		if !testutil.Close(float64(a), float64(want[0]), 1e-5, 1e-5) ||
			!testutil.Close(float64(b), float64(want[1]), 1e-5, 1e-5) {
			t.Errorf("%s: factors %g, %g, want %v", name, a, b, want)
		}
	}
	var negative excessFit // less than noise: no error is seen
	for i := range 5 {
		negative.add(-1, 1+float64(i), 1)
	}
	if a, b := negative.solve(); a != 0 || b != 0 {
		t.Errorf("factors %g, %g of patterns without an error", a, b)
	}
	if a, b := new(excessFit).solve(); a != 1 || b != 0 {
		t.Errorf("factors %g, %g without a pattern, want 1 and 0", a, b)
	}
}

func TestSigmaIsSavedAndDrawn(t *testing.T) {
	r := newErring(1e6, 0.05, 1).reconstructed(t, 1e-3)
	dir := t.TempDir()
	if err := r.Save(dir, "c0ffee"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, SigmaFile)); err != nil {
		t.Error(err)
	}
	file, err := npz.Open(filepath.Join(dir, ObjectFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, err := file.Float32(KeySigma); err != nil || !slices.Equal(got.Data, r.Sigma.Data) {
		t.Errorf("another sigma came back (%v)", err)
	}
	if slices.Max(r.Sigma.Data) <= 0 {
		t.Error("sigma is 0")
	}
}

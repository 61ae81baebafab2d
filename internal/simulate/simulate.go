package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	goruntime "runtime"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat/distuv"

	"ptyx/internal/badinput"
	"ptyx/internal/dataset"
	"ptyx/internal/frame"
	"ptyx/internal/ndarray"
	"ptyx/internal/npz"
	"ptyx/internal/physics"
)

// Streams of the random numbers, so that one thing's draw does not shift another's.
const (
	streamObject    = 0x707479780200
	streamPositions = 0x707479780201
	streamNoise     = 0x707479780202
)

// Options describe a scan to be made.
type Options struct {
	N          int
	Object     ObjectKind
	Absorption float64 // the object's amplitude falls to exp(-Absorption)
	Phase      float64 // the object's largest phase, radians
	Probe      ProbeKind
	ProbeSize  float64 // width, pixels; see Probe
	Scan       ScanKind
	Count      int     // patterns
	Step       float64 // mean distance of neighbouring patterns, pixels
	Photons    float64 // mean per pattern
	Noiseless  bool
	Seed       uint64
	ObjectFile string // take objectGuess, probeGuess, xcoords and ycoords from this NPZ instead of making them
}

// Run makes a scan. With ObjectFile the probe keeps its power, so that noiseless patterns are exactly
// I = |FFT2(P O)|^2 / N^2; else the probe is scaled so that a pattern has Photons on average.
func Run(o Options) (dataset.ScanData, error) {
	if err := o.validate(); err != nil {
		return dataset.ScanData{}, err
	}
	scan, err := o.scene()
	if err != nil {
		return dataset.ScanData{}, err
	}
	intensity, err := patterns(scan)
	if err != nil {
		return dataset.ScanData{}, err
	}
	if o.ObjectFile == "" {
		scalePhotons(scan.Probe, intensity, o.Photons)
	}
	scan.Patterns = measure(intensity, scan.Probe.Shape[0], o)
	return scan, nil
}

// Bounds of what can be simulated.
const (
	maxAbsorption = 20   // nothing real is blacker, and float32 still holds its amplitude
	maxPhotons    = 1e15 // per pattern; beyond, Poisson counts outgrow double precision
)

func (o Options) validate() error {
	fault := func(key string, found any, expected string) error {
		return &badinput.Error{Key: key, Found: fmt.Sprint(found), Expected: expected}
	}
	if o.ObjectFile != "" {
		return nil
	}
	switch {
	case o.N != 64 && o.N != 128 && o.N != 256:
		return fault("--n", o.N, "64, 128 or 256")
	case o.Count < 1 || o.Count > 1e6:
		return fault("--positions", o.Count, "1 to 1000000")
	case !(o.Step > 0) || o.Step > float64(o.N):
		return fault("--step", o.Step, "more than 0 and at most the pattern size")
	case !(o.ProbeSize >= 1) || o.ProbeSize > float64(o.N)/2:
		return fault("--probe-size", o.ProbeSize, "1 pixel to half the pattern size")
	case !(o.Absorption >= 0) || o.Absorption > maxAbsorption:
		return fault("--absorption", o.Absorption, fmt.Sprintf("0 to %d", maxAbsorption))
	case math.IsNaN(o.Phase) || math.IsInf(o.Phase, 0):
		return fault("--phase", o.Phase, "a number of radians")
	case !(o.Photons > 0) || o.Photons > maxPhotons:
		return fault("--nphotons", o.Photons, fmt.Sprintf("more than 0 and at most %g", maxPhotons))
	}
	return nil
}

// scene makes or reads everything but the patterns. Coordinates are in the object's frame, origin top left.
func (o Options) scene() (dataset.ScanData, error) {
	if o.ObjectFile != "" {
		return readScene(o.ObjectFile)
	}
	probe, err := Probe(o.Probe, o.N, o.ProbeSize)
	if err != nil {
		return dataset.ScanData{}, err
	}
	x, y, err := Positions(o.Scan, o.Count, o.Step, o.Seed)
	if err != nil {
		return dataset.ScanData{}, err
	}
	w, h := place(x, o.N), place(y, o.N)
	object, err := Object(o.Object, h, w, o.Absorption, o.Phase, o.Seed)
	return dataset.ScanData{X: x, Y: y, Probe: probe, Object: object}, err
}

// place moves positions so that every patch lies on an object that begins at 0, and returns the object's size.
func place(positions []float64, n int) int {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range positions {
		low, high = min(low, p), max(high, p)
	}
	for i := range positions {
		positions[i] += float64(n/2) + 1 - low
	}
	return int(math.Ceil(high-low)) + n + 2
}

func readScene(path string) (dataset.ScanData, error) {
	var d dataset.ScanData
	file, err := npz.Open(path)
	if err != nil {
		return d, err
	}
	defer file.Close()
	if d.Object, err = file.Complex64(dataset.KeyObject); err != nil {
		return d, err
	}
	if d.Probe, err = file.Complex64(dataset.KeyProbe); err != nil {
		return d, err
	}
	if d.X, err = file.Float64s(dataset.KeyX); err != nil {
		return d, err
	}
	if d.Y, err = file.Float64s(dataset.KeyY); err != nil {
		return d, err
	}
	return d, checkScene(path, d)
}

func checkScene(path string, d dataset.ScanData) error {
	fault := func(key, found, expected string) error {
		return &badinput.Error{File: path, Key: key, Found: found, Expected: expected}
	}
	p := d.Probe.Shape
	switch {
	case len(d.Object.Shape) != 2:
		return fault(dataset.KeyObject, fmt.Sprintf("shape %v", d.Object.Shape), "(H, W)")
	case len(p) != 2 || p[0] != p[1] || p[0] != 64 && p[0] != 128 && p[0] != 256:
		return fault(dataset.KeyProbe, fmt.Sprintf("shape %v", p), "(N, N) with N of 64, 128 or 256")
	case len(d.X) != len(d.Y) || len(d.X) == 0:
		return fault(dataset.KeyX, fmt.Sprintf("%d columns and %d rows", len(d.X), len(d.Y)), "as many of each, at least one")
	}
	if photons := brightest(d); !(photons <= maxPhotons) {
		return fault(dataset.KeyProbe, fmt.Sprintf("up to %g photons per pattern of objectGuess", photons), fmt.Sprintf("finite values, at most %g photons", maxPhotons))
	}
	for i := range d.X {
		for axis, v := range []float64{d.Y[i], d.X[i]} {
			start := frame.Pixel(v) - p[0]/2
			if !(math.Abs(v) <= 1e6) || start < 0 || start+p[0] > d.Object.Shape[axis] {
				return fault([]string{dataset.KeyY, dataset.KeyX}[axis], fmt.Sprintf("position %d at %g, whose patch leaves the object", i, v),
					fmt.Sprintf("a patch of %d pixels within %d", p[0], d.Object.Shape[axis]))
			}
		}
	}
	return nil
}

// brightest is a bound of the photons of a pattern: those of the probe where the object lets most through. It is NaN if
// either has a NaN.
func brightest(d dataset.ScanData) float64 {
	most := 0.0
	for _, v := range d.Object.Data {
		re, im := float64(real(v)), float64(imag(v))
		most = max(most, re*re+im*im)
	}
	return most * physics.Power(d.Probe)
}

// patterns computes all intensities (M, N, N), in parallel.
func patterns(d dataset.ScanData) ([]float64, error) {
	n, count := d.Probe.Shape[0], len(d.X)
	out := make([]float64, count*n*n)
	var g errgroup.Group
	workers := goruntime.NumCPU()
	for worker := range workers {
		g.Go(func() error {
			propagator := physics.NewPropagator(n)
			for j := worker; j < count; j += workers {
				probe := physics.ShiftProbe(d.Probe, frame.Fraction(d.Y[j]), frame.Fraction(d.X[j]))
				patch := cut(d.Object, frame.Pixel(d.Y[j])-n/2, frame.Pixel(d.X[j])-n/2, n)
				propagator.Intensity(physics.ExitWave(probe, patch), out[j*n*n:(j+1)*n*n])
			}
			return nil
		})
	}
	return out, g.Wait()
}

// cut is the n x n patch of an object whose first pixel is (row, col).
func cut(object *ndarray.Complex64, row, col, n int) *ndarray.Complex64 {
	patch := ndarray.New[complex64](n, n)
	for r := range n {
		start := (row+r)*object.Shape[1] + col
		copy(patch.Data[r*n:(r+1)*n], object.Data[start:start+n])
	}
	return patch
}

// scalePhotons scales probe and intensities so that a pattern has the given photons on average.
func scalePhotons(probe *ndarray.Complex64, intensity []float64, photons float64) {
	sum := 0.0
	for _, v := range intensity {
		sum += v
	}
	n := probe.Shape[0]
	factor := photons * float64(len(intensity)/(n*n)) / sum
	for i := range intensity {
		intensity[i] *= factor
	}
	physics.NormalisePower(probe, physics.Power(probe)*factor)
}

// measure turns intensities into measured amplitudes: the square root of Poisson counts, or of the intensity itself.
func measure(intensity []float64, n int, o Options) *ndarray.Float32 {
	amplitude := ndarray.New[float32](len(intensity)/(n*n), n, n)
	for j := range amplitude.Shape[0] {
		source := rand.New(rand.NewPCG(o.Seed, streamNoise+uint64(j)<<16))
		for i := j * n * n; i < (j+1)*n*n; i++ {
			v := intensity[i]
			if !o.Noiseless && v > 0 {
				v = distuv.Poisson{Lambda: v, Src: source}.Rand()
			}
			amplitude.Data[i] = float32(math.Sqrt(v))
		}
	}
	return amplitude
}

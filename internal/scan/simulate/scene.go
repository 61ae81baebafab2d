package simulate

import (
	"context"
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
)

// scene makes or reads everything but the patterns. Coordinates are in the object's frame, origin top left.
func (o Options) scene(ctx context.Context) (dataset.ScanData, error) {
	if o.ObjectFile != "" {
		return o.readScene(ctx)
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

func (o Options) readScene(ctx context.Context) (dataset.ScanData, error) {
	var d dataset.ScanData
	file, err := npz.Open(o.ObjectFile)
	if err != nil {
		return d, err
	}
	defer file.Close()
	if d.Object, err = image(file, dataset.KeyObject, "(H, W)", func([]int) bool { return true }); err != nil {
		return d, err
	}
	if d.Probe, err = image(file, dataset.KeyProbe, "one mode (N, N) with N "+dataset.SizeRule(), square); err != nil {
		return d, err
	}
	if d.X, err = dataset.Vector(file, dataset.KeyX); err != nil {
		return d, err
	}
	if d.Y, err = dataset.Vector(file, dataset.KeyY); err != nil {
		return d, err
	}
	return d, o.checkScene(ctx, d)
}

// image reads a complex array of two axes, of a shape that fits; it ignores axes of length 1 at either end.
func image(file *npz.Reader, key, expected string, fits func(shape []int) bool) (*ndarray.Complex64, error) {
	h, err := file.Header(key)
	if err != nil {
		return nil, err
	}
	shape := dataset.Squeeze(h.Shape)
	if !h.Numeric() {
		_, err := file.Complex64(key)
		return nil, err
	}
	if len(shape) != 2 || !fits(shape) {
		return nil, &badinput.Error{File: file.Path(), Key: key, Found: "shape " + h.ShapeText(), Expected: expected}
	}
	all, err := file.Complex64(key)
	if err != nil {
		return nil, err
	}
	for i, v := range all.Data {
		if sum := float64(real(v)) + float64(imag(v)); math.IsNaN(sum) || math.IsInf(sum, 0) {
			return nil, &badinput.Error{File: file.Path(), Key: key,
				Found:    fmt.Sprintf("%v at pixel (row %d, column %d)", v, i/shape[1], i%shape[1]),
				Expected: "finite values"}
		}
	}
	return ndarray.Wrap(all.Data, shape...), nil
}

// square reports whether networks exist for patterns of a shape.
func square(shape []int) bool {
	return shape[0] == shape[1] && dataset.HasSize(shape[0])
}

func (o Options) checkScene(ctx context.Context, d dataset.ScanData) error {
	fault := func(key, found, expected string) error {
		return &badinput.Error{File: o.ObjectFile, Key: key, Found: found, Expected: expected}
	}
	p := d.Probe.Shape
	if len(d.X) != len(d.Y) || len(d.X) == 0 {
		return fault(dataset.KeyX, fmt.Sprintf("%d columns and %d rows", len(d.X), len(d.Y)),
			"as many of each, at least one")
	}
	if most := maxPixels / (p[0] * p[0]); len(d.X) > most {
		return fault(dataset.KeyX, fmt.Sprintf("%d positions", len(d.X)), fmt.Sprintf("at most %d", most))
	}
	for i := range d.X {
		for axis, v := range []float64{d.Y[i], d.X[i]} {
			start := frame.Pixel(v) - p[0]/2
			if !(math.Abs(v) <= 1e6) || start < 0 || start+p[0] > d.Object.Shape[axis] {
				return fault([]string{dataset.KeyY, dataset.KeyX}[axis],
					fmt.Sprintf("position %d at %g, whose patch leaves the object", i, v),
					fmt.Sprintf("a patch of %d pixels within %d", p[0], d.Object.Shape[axis]))
			}
		}
	}
	switch photons := brightest(d); {
	case photons > maxPhotons && !o.Noiseless && o.Photons == 0:
		return fault(dataset.KeyProbe, fmt.Sprintf("up to %g photons per pattern of objectGuess", photons),
			fmt.Sprintf("at most %g", maxPhotons))
	case !(light(ctx, d) > 0):
		if err := ctx.Err(); err != nil {
			return err
		}
		return fault(dataset.KeyObject, "an object and a probe that give no light at all", "some light")
	}
	return nil
}

// brightest is a bound of the photons of a pattern: those of the probe where the object lets most through.
func brightest(d dataset.ScanData) float64 {
	most := 0.0
	for _, v := range d.Object.Data {
		re, im := float64(real(v)), float64(imag(v))
		most = max(most, re*re+im*im)
	}
	return most * optics.Power(d.Probe)
}

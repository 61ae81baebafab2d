package trainer

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/choice"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/dataset"
)

// Mode says what a training compares.
type Mode string

// The modes.
const (
	Physics    Mode = "physics"    // measured patterns with those that follow from the predicted object
	Supervised Mode = "supervised" // the predicted object with the truth that the scan carries
)

// UnmarshalText reads a mode from a flag or a configuration file.
func (m *Mode) UnmarshalText(text []byte) error { return choice.Set(m, text, Physics, Supervised) }

// truth holds the true patches of a Data. Its methods accept nil, which is a training without truth.
type truth struct {
	objects []*ndarray.Complex64 // (H, W) of each scan, in its pixel frame; nil where the scan gives patches
	patches *ndarray.Float32     // (K, N, N, 2), real and imaginary part; nil without, or in the store
}

// hasPatches reports whether any scan gives patches.
func (t *truth) hasPatches() bool { return t != nil && slices.Contains(t.objects, nil) }

// givesPatches reports whether a scan gives patches and not its object.
func (t *truth) givesPatches(scan int) bool { return t != nil && t.objects[scan] == nil }

// findTruth finds the truth of each scan.
func (d *Data) findTruth(list scans) error {
	d.truth = &truth{}
	for i, scan := range list {
		kind, err := scan.Truth()
		if err != nil {
			return err
		}
		object := scan.Object
		if kind == dataset.TruthPatches {
			object = nil
		} else if !d.touches(i, scan.N, object) {
			return &badinput.Error{
				File: scan.Path, Key: dataset.KeyObject,
				Found:    fmt.Sprintf("%d x %d pixels, none of them under a pattern", object.Shape[0], object.Shape[1]),
				Expected: "the object on which xcoords and ycoords count, from its top left pixel on",
			}
		}
		d.truth.objects = append(d.truth.objects, object)
	}
	return nil
}

// touches reports whether a pattern of a scan covers a pixel of its object.
func (d *Data) touches(scan, n int, object *ndarray.Complex64) bool {
	return slices.ContainsFunc(d.placesOf(scan), func(place int) bool {
		top, left := d.corner(place, n)
		return top > -n && left > -n && top < object.Shape[0] && left < object.Shape[1]
	})
}

// corner is the first pixel of a pattern's patch in its scan's frame.
func (d *Data) corner(place, n int) (row, col int) {
	return frame.Corner(d.X[place], d.Y[place], n)
}

// checkTruth refuses scans whose truth is NaN, which means unknown, under all patterns: nothing could be learnt from
// them. The images must be available.
func (d *Data) checkTruth(list scans) error {
	if d.truth == nil {
		return nil
	}
	for i, scan := range list {
		places := d.placesOf(i)
		known, err := false, error(nil)
		for k := 0; k < len(places) && !known && err == nil; k++ {
			known, err = d.known(places[k], scan.N)
		}
		switch {
		case err != nil:
			return err
		case known || len(places) == 0:
			continue
		}
		key := dataset.KeyObject
		if d.truth.givesPatches(i) {
			key = dataset.KeyTruth
		}
		return &badinput.Error{
			File: scan.Path, Key: key, Found: "no finite number under any pattern",
			Expected: "a truth; NaN stands for a pixel that is unknown",
			Remedy:   "give one, or train with --mode physics, which needs none",
		}
	}
	return nil
}

// known reports whether any pixel of a pattern's true patch is known.
func (d *Data) known(place, n int) (bool, error) {
	one := &Data{truth: &truth{objects: d.truth.objects}}
	one.add(d.X[place], d.Y[place], d.Scan[place], d.ids[place])
	if d.truth.hasPatches() {
		if d.store == nil {
			one.truth.patches = ndarray.Wrap(d.truth.patches.Data[2*place*n*n:2*(place+1)*n*n], 1, n, n, 2)
		} else {
			var err error
			if one.truth.patches, err = d.truePatches([]int{place}, n); err != nil {
				return false, err
			}
		}
	}
	images := slices.Collect(slices.Chunk(make([]float32, 4*n*n), n*n))
	one.patch(0, images[0], images[1], images[2], images[3], n)
	return slices.Max(images[3]) > 0, nil
}

// patch writes the true patch at a place, (N, N) each: amplitude, phase factor, and 1 where it is known, that is inside
// the object and finite. Elsewhere all are 0. Where the amplitude is 0, so is the phase factor.
func (d *Data) patch(place int, amplitude, re, im, known []float32, n int) {
	for _, a := range [][]float32{amplitude, re, im, known} {
		clear(a)
	}
	put := func(i int, v complex64) {
		a := cmplx.Abs(complex128(v))
		if math.IsNaN(a) || math.IsInf(a, 0) {
			return
		}
		amplitude[i], known[i] = float32(a), 1
		if a > 0 {
			unit := complex128(v) / complex(a, 0)
			re[i], im[i] = float32(real(unit)), float32(imag(unit))
		}
	}
	object := d.truth.objects[d.Scan[place]]
	if object == nil {
		patch := d.truth.patches.Data[2*place*n*n : 2*(place+1)*n*n]
		for i := range n * n {
			put(i, complex(patch[2*i], patch[2*i+1]))
		}
		return
	}
	h, w := object.Shape[0], object.Shape[1]
	top, left := d.corner(place, n)
	for r := max(0, -top); r < min(n, h-top); r++ {
		for c := max(0, -left); c < min(n, w-left); c++ {
			put(r*n+c, object.Data[(top+r)*w+left+c])
		}
	}
}

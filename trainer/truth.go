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

// Mode says what a training compares with what.
type Mode string

// The modes.
const (
	Physics    Mode = "physics"    // measured patterns with what the physics makes of the prediction; no truth
	Supervised Mode = "supervised" // the prediction with the truth that the scan carries; no physics
)

// UnmarshalText reads a mode from a flag.
func (m *Mode) UnmarshalText(text []byte) error { return choice.Set(m, text, Physics, Supervised) }

// truth is what the patches of a Data really are.
type truth struct {
	objects []*ndarray.Complex64 // (H, W) of each scan, in its pixel frame; nil where the scan gives patches
	patches *ndarray.Float32     // (K, N, N, 2), real and imaginary part; nil where no scan gives them, or they are in the store
}

// given tells whether any scan gives its patches.
func (t *truth) given() bool { return slices.Contains(t.objects, nil) }

// findTruth finds where the truth of each scan is.
func (p part) findTruth(n int) error {
	t := &truth{}
	for i, scan := range p.scans {
		kind, err := scan.Truth()
		if err != nil {
			return err
		}
		if kind == dataset.TruthPatches {
			t.objects = append(t.objects, nil)
			continue
		}
		if o := scan.Object; !p.data.touches(i, n, o) {
			return &badinput.Error{File: scan.Path, Key: dataset.KeyObject, Found: fmt.Sprintf("%d x %d pixels, none of them under a pattern", o.Shape[0], o.Shape[1]),
				Expected: "the object on which xcoords and ycoords count, from its top left pixel on"}
		}
		t.objects = append(t.objects, scan.Object)
	}
	p.data.truth = t
	return nil
}

// knownSomewhere refuses scans whose truth is NaN, which means unknown, wherever a pattern looks: nothing could be learnt from
// them. The images have to be there.
func (p part) knownSomewhere(n int) error {
	for i, scan := range p.scans {
		places := p.data.placesOf(i)
		known, err := false, error(nil)
		for k := 0; k < len(places) && !known && err == nil; k++ {
			known, err = p.data.known(places[k], n)
		}
		switch {
		case err != nil:
			return err
		case known || len(places) == 0:
			continue
		}
		key := dataset.KeyTruth
		if p.data.truth.objects[i] != nil {
			key = dataset.KeyObject
		}
		return &badinput.Error{File: scan.Path, Key: key, Found: "no finite number under any pattern",
			Expected: "a truth; NaN stands for a pixel that is unknown", Remedy: "give one, or train with --mode physics, which needs none"}
	}
	return nil
}

// known tells whether any pixel of a pattern's true patch is.
func (d *Data) known(place, n int) (bool, error) {
	t := d.truth
	one := &Data{X: d.X[place : place+1], Y: d.Y[place : place+1], Scan: d.Scan[place : place+1], truth: &truth{objects: t.objects, patches: t.patches}}
	switch {
	case d.store != nil:
		var err error
		if one.truth.patches, err = d.truePatches([]int{place}, n); err != nil {
			return false, err
		}
	case t.given():
		one.truth.patches = ndarray.Wrap(t.patches.Data[2*place*n*n:2*(place+1)*n*n], 1, n, n, 2)
	}
	images := make([]float32, 4*n*n)
	share := images[3*n*n:]
	one.patch(0, images[:n*n], images[n*n:2*n*n], images[2*n*n:3*n*n], share, n)
	return slices.Max(share) > 0, nil
}

// touches tells whether a pattern of a scan sees a pixel of its object.
func (d *Data) touches(scan, n int, object *ndarray.Complex64) bool {
	for _, k := range d.placesOf(scan) {
		top, left := frame.Pixel(d.Y[k])-n/2, frame.Pixel(d.X[k])-n/2
		if top > -n && left > -n && top < object.Shape[0] && left < object.Shape[1] {
			return true
		}
	}
	return false
}

// patch writes the true patch of pattern k, (N, N) each: amplitude, phase factor, and 1 where it is known, inside the object
// and finite; elsewhere all are 0. What is black has the phase factor 0.
func (d *Data) patch(k int, amplitude, re, im, known []float32, n int) {
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
	object := d.truth.objects[d.Scan[k]]
	if object == nil {
		patch := d.truth.patches.Data[2*k*n*n : 2*(k+1)*n*n]
		for i := range n * n {
			put(i, complex(patch[2*i], patch[2*i+1]))
		}
		return
	}
	h, w := object.Shape[0], object.Shape[1]
	top, left := frame.Pixel(d.Y[k])-n/2, frame.Pixel(d.X[k])-n/2
	for r := max(0, -top); r < min(n, h-top); r++ {
		for c := max(0, -left); c < min(n, w-left); c++ {
			put(r*n+c, object.Data[(top+r)*w+left+c])
		}
	}
}

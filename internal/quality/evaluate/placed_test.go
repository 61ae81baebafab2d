package evaluate_test

import (
	"math"
	"math/cmplx"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/format/npz"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/scan/source/sourcetest"
)

// TestObjectAtAPlace loads an object that no layout names: FILE:PATH of an HDF5 file, and of an NPZ file with another
// object.
func TestObjectAtAPlace(t *testing.T) {
	findHDF5(t)
	want, other := ndarray.New[complex64](5, 7), ndarray.New[complex64](4, 4)
	for i := range want.Data {
		want.Data[i] = complex(float32(i), 1)
	}
	h5 := sourcetest.File{"result/final": want, "result/start": other}.Write(t, "other.h5")
	sole := sourcetest.File{"final": want}.Write(t, "sole.h5")
	arrays := filepath.Join(t.TempDir(), "arrays.npz")
	err := npz.Write(arrays, []npz.Member{{Key: "objectGuess", Value: other}, {Key: "final", Value: want}})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{h5 + ":result/final", sole, arrays + ":final"} {
		s, err := evaluate.Load(value)
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		if !ndarray.SameShape(s.Object.Shape, want.Shape) || s.Object.Data[8] != want.Data[8] {
			t.Errorf("%s: object %v of shape %v", value, s.Object.Data[8], s.Object.Shape)
		}
	}
	for value, says := range map[string]string{
		h5: "give the path of an array", h5 + ":result/none": "result/none",
	} {
		if _, err := evaluate.Load(value); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", value, err, says)
		}
	}
}

func findHDF5(t *testing.T) {
	if library := hdf5test.Library(); library != "" {
		t.Setenv("PTYX_HDF5", library)
	}
}

// TestPixelsInMetres compares an object of another program with one of pixels twice as large. Without the size of these
// pixels, the result is in doubt.
func TestPixelsInMetres(t *testing.T) {
	findHDF5(t)
	const nm = 1e-9
	every := func(step int) *ndarray.Complex64 { // pixel of one object, 160 pixels across
		side := 160 / step
		o := ndarray.New[complex64](side, side)
		for i := range o.Data {
			r, c := float64(i/side*step), float64(i%side*step)
			o.Data[i] = complex64(cmplx.Rect(0.8, 0.4*math.Sin(0.3*r-0.2*c)+0.3*math.Cos(0.003*r*c)))
		}
		return o
	}
	product := sourcetest.File{
		"probe_position_indexes": []int64{0, 1}, "probe_position_x_m": []float64{0, nm},
		"probe_position_y_m": []float64{0, nm}, "probe": ndarray.New[complex64](1, 1, 64, 64),
		"object": ndarray.Wrap(every(1).Data, 1, 160, 160), "object@pixel_width_m": 10 * nm,
		"object@pixel_height_m": 10 * nm,
	}.Write(t, "product.h5")
	recon := []npz.Member{{Key: "object", Value: every(2)}, {Key: "origin", Value: []int64{0, 0}}}
	sizes := []npz.Member{{Key: "object_pixel_width_m", Value: 20 * nm}, {Key: "object_pixel_height_m", Value: 20 * nm}}
	// A product in an NPZ file has no origin.
	r, err := evaluate.Files(evaluate.Options{
		Recon: write(t, "fine.npz", npz.Member{Key: "object", Value: every(1)},
			npz.Member{Key: "object_pixel_width_m", Value: 10 * nm},
			npz.Member{Key: "object_pixel_height_m", Value: 10 * nm}),
		Reference: write(t, "coarse.npz", append(recon, sizes...)...),
	})
	if err != nil || !(r.Report.Correlation > 0.99) {
		t.Errorf("a product in an NPZ file: %v", err)
	}
	for stated, members := range map[bool][]npz.Member{false: recon, true: append(recon, sizes...)} {
		recon := write(t, "reconstruction.npz", members...)
		r, err := evaluate.Files(evaluate.Options{Recon: recon, Reference: product})
		if err != nil {
			t.Fatal(err)
		}
		if agree := r.Report.Correlation > 0.99; agree != stated || (r.Doubt() == "") != stated {
			t.Errorf("sizes stated %v: correlation %v, doubt %q", stated, r.Report.Correlation, r.Doubt())
		}
	}
	bad := append(recon, npz.Member{Key: "object_pixel_width_m", Value: -1.0}, sizes[1])
	_, err = evaluate.Files(evaluate.Options{Recon: write(t, "bad.npz", bad...), Reference: product})
	if err == nil || !strings.Contains(err.Error(), "object_pixel_width_m: found") {
		t.Errorf("a pixel of -1 m: %v", err)
	}
}

package npz

import (
	"archive/zip"
	"errors"
	"os"
	"slices"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/npz/npztest"
)

// TestDirectEqualsLoading reads slices of stored members in random order.
func TestDirectEqualsLoading(t *testing.T) {
	const m = 7
	order := []int{6, 0, 3, 3, 5, 1, 2, 4}
	for _, dtype := range []string{"<f4", ">f4", "<f8", "<u2", ">u2", "|u1", ">i4"} {
		r := open(t, zip.Store, npztest.Real("before", "<f8", ramp(3), 3),
			npztest.Real("a", dtype, ramp(m*6), m, 2, 3, 1))
		want, err := r.Float32("a")
		if err != nil {
			t.Fatal(err)
		}
		d, err := r.Direct("a", 0, 1, 2, 3)
		if err != nil || d == nil {
			t.Fatalf("%s: %v, %v", dtype, d, err)
		}
		got := make([]float32, 6)
		for _, i := range order {
			if err := d.Read(i, got); err != nil || !slices.Equal(got, want.Data[6*i:6*i+6]) {
				t.Errorf("%s: slice %d is %v (%v)", dtype, i, got, err)
			}
		}
		for _, i := range []int{-1, m} {
			if d.Read(i, got) == nil {
				t.Errorf("slice %d of %d was read", i, m)
			}
		}
		if d.Read(0, got[:5]) == nil {
			t.Error("a slice went into less than a slice")
		}
	}
}

func TestDirectPairs(t *testing.T) {
	values := []complex128{1, 2i, 3 - 1i, -4 + 0.5i}
	for _, dtype := range []string{"<c8", ">c8", "<c16"} {
		d,
			err := open(t, zip.Store,
			npztest.Array{Key: "a", Dtype: dtype, Shape: []int{2, 2}, Values: values}).DirectPairs("a")
		if err != nil || d == nil {
			t.Fatalf("%s: %v, %v", dtype, d, err)
		}
		got := make([]float32, 4)
		if err := d.Read(1, got); err != nil || !slices.Equal(got, []float32{3, -1, -4, 0.5}) {
			t.Errorf("%s: %v (%v)", dtype, got, err)
		}
	}
}

func TestNotAllMembersAreDirect(t *testing.T) {
	fortran := npztest.Real("a", "<f4", ramp(24), 2, 3, 4)
	fortran.Fortran = true
	for name, c := range map[string]struct {
		method uint16
		array  npztest.Array
		axes   []int
	}{
		"deflated":       {zip.Deflate, npztest.Real("a", "<f4", ramp(24), 2, 3, 4), nil},
		"Fortran order":  {zip.Store, fortran, nil},
		"axes exchanged": {zip.Store, npztest.Real("a", "<f4", ramp(24), 2, 3, 4), []int{2, 0, 1}},
		"empty":          {zip.Store, npztest.Real("a", "<f4", nil, 0, 3), nil},
		"a number":       {zip.Store, npztest.Real("a", "<f4", ramp(1)), nil},
	} {
		if d, err := open(t, c.method, c.array).Direct("a", c.axes...); d != nil || err != nil {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
	r := open(t, zip.Store, npztest.Real("a", "<f4", ramp(2), 2), npztest.Pickled("o"))
	for _, key := range []string{"o", "absent"} {
		var bad *badinput.Error
		if _, err := r.Direct(key); !errors.As(err, &bad) || bad.Key != key {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := r.DirectPairs("a"); err == nil {
		t.Error("real numbers as pairs")
	}
}

// TestDirectOfAFileCutShort: a file that shrinks while it is open is an error, not zeros.
func TestDirectOfAFileCutShort(t *testing.T) {
	path := npztest.File(t, npztest.Zip(zip.Store, npztest.Real("a", "<f4", ramp(1000), 10, 100)))
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d, err := r.Direct("a")
	if err != nil || d == nil {
		t.Fatal(d, err)
	}
	if err := os.Truncate(path, 2000); err != nil {
		t.Fatal(err)
	}
	var bad *badinput.Error
	if err := d.Read(9, make([]float32, 100)); !errors.As(err, &bad) || bad.Key != "a" {
		t.Errorf("error %v", err)
	}
}

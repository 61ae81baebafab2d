package npz

import (
	"archive/zip"
	"errors"
	"io"
	"slices"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/npz/npztest"
)

func TestPairsAreTheComplexArray(t *testing.T) {
	const m, size = 5, 6
	values := make([]complex128, m*size)
	for i := range values {
		values[i] = complex(float64(i), -0.5*float64(i))
	}
	for _, dtype := range []string{"<c8", ">c8", "<c16", ">c16"} {
		for _, fortran := range []bool{false, true} {
			a := npztest.Array{Key: "a", Dtype: dtype, Shape: []int{m, 2, 3}, Fortran: fortran, Values: values}
			s, err := open(t, zip.Deflate, a).Pairs("a")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if !slices.Equal(s.Shape, []int{m, 2, 3, 2}) {
				t.Errorf("%s: shape %v", dtype, s.Shape)
			}
			var got []float32
			buf := make([]float32, 2*2*size)
			for {
				n, err := s.Next(buf)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, buf[:n*2*size]...)
			}
			var want []float32
			for _, v := range values {
				want = append(want, float32(real(v)), float32(imag(v)))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, fortran %v: %v", dtype, fortran, got)
			}
		}
	}
	r := open(t, zip.Store, npztest.Real("real", "<f4", ramp(4), 2, 2),
		npztest.Array{Key: "one", Dtype: "<c8", Values: []complex128{1i}})
	for _, key := range []string{"real", "one", "absent"} {
		var bad *badinput.Error
		if _, err := r.Pairs(key); !errors.As(err, &bad) || bad.Key != key {
			t.Errorf("%s: error %v", key, err)
		}
	}
}

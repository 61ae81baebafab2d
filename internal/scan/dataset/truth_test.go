package dataset

import (
	"errors"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/npz/npztest"
)

// truthArray is a patch of n x n for each of m patterns: 1 + pattern number, and the pixel's number as imaginary part.
func truthArray(dtype string, m, n int, more ...int) npztest.Array {
	a := npztest.Array{Key: KeyTruth, Dtype: dtype, Shape: append([]int{m, n, n}, more...)}
	for i := range m * n * n {
		a.Values = append(a.Values, complex(float64(1+i/(n*n)), float64(i%(n*n))))
	}
	return a
}

func objectArray(values ...complex128) npztest.Array {
	return npztest.Array{Key: KeyObject, Dtype: "<c8", Shape: []int{1, len(values)}, Values: values}
}

func TestTruthIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		scan scanFile
		want TruthKind
	}{
		"patches":           {validScan(3).with(truthArray("<c8", 3, 64)), TruthPatches},
		"with a last axis":  {validScan(3).with(truthArray("<c16", 3, 64, 1)), TruthPatches},
		"an object":         {validScan(3).with(objectArray(1, 1, 2i)), TruthObject},
		"both":              {validScan(3).with(truthArray("<c8", 3, 64), objectArray(1, 2)), TruthPatches},
		"a pickled nothing": {validScan(3).with(npztest.Pickled(KeyTruth), objectArray(1, 2)), TruthObject},
	} {
		s, _ := c.scan.open(t, Options{})
		if got, err := s.Truth(); err != nil || got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestInvalidTruthIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		scan     scanFile
		sentence string
	}{
		"nothing": {validScan(3), "Y: found no truth, only diff3d"},
		"an even object": {validScan(3).with(objectArray(1, 1, 1)),
			"objectGuess: found an object that is the same everywhere"},
		"amplitudes": {validScan(3).with(npztest.Real(KeyTruth, "<f4", make([]float64, 3*64*64), 3, 64, 64)),
			"Y: found values of dtype <f4, expected complex patches"},
		"too few": {validScan(3).with(truthArray("<c8", 2, 64)),
			"Y: found shape (2, 64, 64), expected (3, 64, 64)"},
		"of another size": {validScan(3).with(truthArray("<c8", 3, 32)),
			"Y: found shape (3, 32, 32), expected (3, 64, 64)"},
	} {
		s, _ := c.scan.open(t, Options{})
		var bad *badinput.Error
		if _, err := s.Truth(); !errors.As(err, &bad) || bad.File != s.Path ||
			!strings.Contains(err.Error(), c.sentence) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTruthIsRead(t *testing.T) {
	const n = 64
	s, _ := validScan(4).with(truthArray("<c8", 4, n)).open(t, Options{})
	into := [][]float32{make([]float32, 2*n*n), make([]float32, 2*n*n)}
	if err := s.ReadTruth([]int{2, 0}, into); err != nil {
		t.Fatal(err)
	}
	for k, pattern := range []int{2, 0} {
		for i := range n * n {
			if re, im := into[k][2*i], into[k][2*i+1]; re != float32(1+pattern) || im != float32(i) {
				t.Fatalf("pattern %d, pixel %d is %v + %vi", pattern, i, re, im)
			}
		}
	}
	if err := s.ReadTruth([]int{4}, into); err == nil {
		t.Error("a patch beyond the last was read")
	}
}

package dataset

import (
	"archive/zip"
	"bytes"
	"log/slog"
	"math/rand/v2"
	"testing"

	"ptyx/internal/format/npz/npztest"
)

// scanFile is a scan as a list of members, to be bent in tests.
type scanFile []npztest.Array

// pixel is the amplitude of frame j at pixel i of validScan: no whole number, so that it does not look like a count.
func pixel(j, i int) float64 { return float64(j) + float64(i%97)/128 }

// frames are m frames of n x n pixels in C order.
func frames(m, n int) []float64 {
	v := make([]float64, m*n*n)
	for k := range v {
		v[k] = pixel(k/(n*n), k%(n*n))
	}
	return v
}

func column(m int) []float64 {
	v := make([]float64, m)
	for i := range v {
		v[i] = 40 + 1.25*float64(i)
	}
	return v
}

// probeArray is a probe that is 1+i at every pixel.
func probeArray(shape ...int) npztest.Array {
	a := npztest.Array{Key: KeyProbe, Dtype: "<c8", Shape: shape}
	n := 1
	for _, d := range shape {
		n *= d
	}
	for range n {
		a.Values = append(a.Values, 1+1i)
	}
	return a
}

// validScan keeps the contract with m patterns of 64 x 64 pixels.
func validScan(m int) scanFile {
	return scanFile{
		npztest.Real(KeyPatterns, "<f4", frames(m, 64), m, 64, 64),
		npztest.Real(KeyX, "<f8", column(m), m),
		npztest.Real(KeyY, "<f8", column(m), m),
		probeArray(64, 64),
	}
}

// with replaces the member of the same name, or adds one.
func (f scanFile) with(arrays ...npztest.Array) scanFile {
	out := append(scanFile(nil), f...)
next:
	for _, a := range arrays {
		for i := range out {
			if out[i].Key == a.Key {
				out[i] = a
				continue next
			}
		}
		out = append(out, a)
	}
	return out
}

// without drops members.
func (f scanFile) without(keys ...string) scanFile {
	var out scanFile
	for _, a := range f {
		keep := true
		for _, k := range keys {
			keep = keep && a.Key != k
		}
		if keep {
			out = append(out, a)
		}
	}
	return out
}

// file writes the scan, stored for speed.
func (f scanFile) file(t testing.TB) string { return npztest.File(t, npztest.Zip(zip.Store, f...)) }

// open opens the scan and returns what was logged.
func (f scanFile) open(t testing.TB, opt Options) (*Scan, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	opt.Log = slog.New(slog.NewTextHandler(&log, nil))
	s, err := Open(f.file(t), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, &log
}

// random are n numbers in [0, scale), the same every time.
func random(n int, scale float64) []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	v := make([]float64, n)
	for i := range v {
		v[i] = scale * rng.Float64()
	}
	return v
}

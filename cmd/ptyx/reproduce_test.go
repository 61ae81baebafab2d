package main

import (
	"fmt"
	"math"
	"math/cmplx"
	"path/filepath"
	"slices"
	"testing"

	"ptyx/internal/ndarray"
	"ptyx/internal/npz"
)

// How far an object may be from that of another number of threads, and of another processor: the root of the mean square of the difference over
// that of the object, where a hundredth of the light was. Sums in another order differ by 1e-7 a step, and a training makes more of it; a
// wrong product anywhere makes 0.1 of it. Measured: see docs/reliability.md.
const (
	betweenThreads    = 1e-5
	betweenProcessors = 1e-3
)

// TestReproduced trains and reconstructs with 2, 1 and 3 threads and compares them with each other, and with the object in testdata, which another
// machine has made: go test ./cmd/ptyx -run TestReproduced -update.
func TestReproduced(t *testing.T) {
	p := process{t, build(t), t.TempDir()}
	scan, golden := filepath.Join("..", "..", "testdata", "scan.npz"), filepath.Join("testdata", "reproduced.npz")
	var first *ndarray.Complex64
	for _, threads := range []string{"2", "1", "3"} {
		dir := t.TempDir()
		run, out := filepath.Join(dir, "run"), filepath.Join(dir, "out")
		p.run("train", "--train-data-file", scan, "--output-dir", run, "--max-epochs", "4", "--batch-size", "4", "--n-filters-scale", "1", "--seed", "5",
			"--threads", threads, "--device", "cpu")
		p.run("infer", "--model-path", run, "--test-data", scan, "--output-dir", out, "--threads", threads, "--device", "cpu")
		object, coverage := objectOf(t, filepath.Join(out, "reconstruction.npz"))
		if first == nil {
			first = object
			if *update {
				if err := npz.Write(golden, []npz.Member{{Key: "object", Value: object}, {Key: "coverage", Value: coverage}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		want, _ := objectOf(t, golden)
		for _, c := range []struct {
			of      string
			want    *ndarray.Complex64
			allowed float64
		}{{"2 threads", first, betweenThreads}, {"testdata", want, betweenProcessors}} {
			distance, err := apart(object, c.want, coverage)
			if err != nil || !(distance <= c.allowed) {
				t.Errorf("%s threads: the object is %.2g away from that of %s, %.0e are allowed: %v", threads, distance, c.of, c.allowed, err)
			}
			t.Logf("%s threads: %.2g away from the object of %s", threads, distance, c.of)
		}
	}
}

func objectOf(t *testing.T, path string) (object *ndarray.Complex64, coverage *ndarray.Float32) {
	t.Helper()
	r, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if object, err = r.Complex64("object"); err != nil {
		t.Fatal(err)
	}
	if coverage, err = r.Float32("coverage"); err != nil {
		t.Fatal(err)
	}
	return object, coverage
}

// apart is the relative distance of two objects where there was light.
func apart(a, b *ndarray.Complex64, coverage *ndarray.Float32) (float64, error) {
	if !ndarray.SameShape(a.Shape, b.Shape) {
		return math.NaN(), fmt.Errorf("shapes %v and %v", a.Shape, b.Shape)
	}
	dark := slices.Max(coverage.Data) / 100
	var difference, whole float64
	for i, c := range coverage.Data {
		if c > dark {
			difference += math.Pow(cmplx.Abs(complex128(a.Data[i]-b.Data[i])), 2)
			whole += math.Pow(cmplx.Abs(complex128(b.Data[i])), 2)
		}
	}
	return math.Sqrt(difference / whole), nil // NaN where there was none
}

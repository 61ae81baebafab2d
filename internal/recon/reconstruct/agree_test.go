package reconstruct

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/scan/grouping"
)

// TestPatchesAgree cuts the patches from one object, turns each by a phase of its own of up to 1.2 rad, and compares
// the object stitched from them with the first. It holds whatever the order of the batches, with variances and without.
func TestPatchesAgree(t *testing.T) {
	const count = 40
	d := scanData(count)
	object := func(row, col int) complex64 {
		return complex64(cmplx.Rect(0.8+0.1*math.Sin(float64(row)/3), 0.4*math.Cos(float64(col)/4)))
	}
	measure(d, object)
	scan := opened(t, d)
	var patches [][]complex64
	rng := rand.New(rand.NewPCG(2, 7))
	for i := range count {
		row, col := frame.Corner(d.X[i], d.Y[i], n)
		turn := complex64(cmplx.Rect(1, 2.4*rng.Float64()-1.2))
		one := make([]complex64, n*n)
		for k := range one {
			one[k] = turn * object(row+k/n, col+k%n)
		}
		patches = append(patches, one)
	}
	stitched := func(c contract.Contract, backwards, agree bool) *Result {
		r, err := New(scan, c, Options{BatchSize: 1})
		if err != nil {
			t.Fatal(err)
		}
		order := make([]int, count)
		for i := range order {
			order[i] = i
		}
		if backwards {
			slices.Reverse(order)
		}
		var variance []float32
		if c.Variance {
			variance = make([]float32, n*n)
		}
		for _, i := range order {
			if _, err := r.Add(i, patches[i], variance); err != nil {
				t.Fatal(err)
			}
		}
		if agree {
			if err := r.Agree(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return r.Result("none")
	}
	// likeness is |<a, b>| / (|a| |b|) where patches lie.
	likeness := func(r *Result) float64 {
		var product complex128
		var mine, true float64
		for i, v := range r.Object.Data {
			if r.Coverage.Data[i] == 0 {
				continue
			}
			a := complex128(v)
			b := complex128(object(r.Row+i/r.Object.Shape[1], r.Col+i%r.Object.Shape[1]))
			product += cmplx.Conj(a) * b
			mine, true = mine+real(a)*real(a)+imag(a)*imag(a), true+real(b)*real(b)+imag(b)*imag(b)
		}
		return cmplx.Abs(product) / math.Sqrt(mine*true)
	}
	trained := model(1, "full")
	general := trained
	general.TrainingInput = contract.Simulated
	for what, c := range map[string]contract.Contract{"trained": trained, "general": general} {
		before, after := likeness(stitched(c, false, false)), likeness(stitched(c, false, true))
		if !(before < 0.99 && 1-after < (1-before)/20) { // ownTrust keeps a part of each turn
			t.Errorf("%s: the object of turned patches has a likeness of %.4f with the true one, %.5f after "+
				"turning them back", what, before, after)
		}
	}
	for _, variance := range []bool{false, true} {
		general.Variance = variance
		one, other := stitched(general, false, true), stitched(general, true, true)
		for name, pair := range map[string][2]*ndarray.Float32{
			"coverage": {one.Coverage, other.Coverage}, "spread": {one.Spread, other.Spread},
		} {
			if !slices.Equal(pair[0].Data, pair[1].Data) {
				t.Errorf("variance %v: the order of batches changes the %s", variance, name)
			}
		}
		if !slices.Equal(one.Object.Data, other.Object.Data) {
			t.Errorf("variance %v: the order of batches changes the object", variance)
		}
	}
}

// TestPatchesThatCannotBeKept: the object is the one before turning, and the result says why.
func TestPatchesThatCannotBeKept(t *testing.T) {
	scan := opened(t, scanData(4))
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	r, err := New(scan, model(1, "full"), Options{BatchSize: 4})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Add(0, slices.Repeat([]complex64{1}, 4*n*n), nil); err != nil {
		t.Fatal(err)
	}
	before := r.canvas.Object()
	if err := r.Agree(t.Context()); err != nil {
		t.Fatal(err)
	}
	found := r.Result("none")
	if found.Unturned == nil || !strings.Contains(found.Unturned.Error(), "the directory for temporary files") {
		t.Errorf("says %v", found.Unturned)
	}
	if !slices.Equal(found.Object.Data, before.Data) {
		t.Error("the object has changed")
	}
}

// TestPhasesAgreeAlongAChain: along a row of patches, whose phases swing by 0.5 rad with a period of 16 patches, little
// of the swing is left: less than fewer sweeps or no over-relaxation leave (0.25), more than no trust in the network's
// phases. Without overlap, all stay.
func TestPhasesAgreeAlongAChain(t *testing.T) {
	const count, rim = 48, 8
	swing := func(i int) float64 { return 0.5 * math.Sin(2*math.Pi*float64(i)/16) }
	for _, tt := range []struct{ step, least, most float64 }{ // pixels between patches, the part that is left
		{n / 8, 0.1, 0.22}, {2 * n, 1 - 1e-6, 1 + 1e-6}, // float32
	} {
		f := KeepPatches(model(1, "full"), t.TempDir(), 0)
		defer f.Close()
		for i := range count {
			patch := slices.Repeat([]complex64{complex64(cmplx.Rect(1, swing(i)))}, n*n)
			f.Add(Placed{ID: int64(i), X: tt.step * float64(i)}, patch)
		}
		turns, err := f.agreement(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		left, all := 0.0, 0.0
		for i := rim; i < count-rim; i++ {
			left, all = left+math.Abs(cmplx.Phase(turns[i])+swing(i)), all+math.Abs(swing(i))
		}
		if share := left / all; !(share >= tt.least && share <= tt.most) {
			t.Errorf("step %g: %.3f of the swing is left, expected %g to %g", tt.step, share, tt.least, tt.most)
		}
	}
}

// TestCoverageOfAGeneralModelIsTheLight: a general model has soft weights, and the coverage of a trained one.
func TestCoverageOfAGeneralModelIsTheLight(t *testing.T) {
	d, trained := scanData(9), model(1, "full")
	general := trained
	general.TrainingInput = contract.Simulated
	want := stitched(t, d, trained, grouping.Singles(9)).Coverage()
	r := run(t, &fake{}, opened(t, d), general, Options{BatchSize: 4})
	if !slices.Equal(r.Coverage.Data, want.Data) {
		t.Error("another coverage than the light")
	}
	if slices.Equal(Weights(general).Data, Weights(trained).Data) {
		t.Error("the weights are the light, which tests nothing")
	}
}

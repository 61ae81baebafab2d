package forward_test

import (
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

// canvasSize is K of these tests: patches of n = 8 pixels lie anywhere on 13 x 13.
const canvasSize = 13

// corner is the top-left pixel of a patch on its group's canvas.
type corner struct{ row, col int }

// layout is two groups of three patches. The third patch of the second group hardly overlaps with the others.
var layout = []corner{{0, 0}, {2, 3}, {5, 1}, {0, 0}, {0, 4}, {5, 5}}

const group = 3

// overlapWeight is the weight of every patch, away from 0 so that the floor of the division is small beside it.
func overlapWeight() *ndarray.Float32 { return testutil.Uniform(40, 0.5, 2, n, n) }

// placement is the matrix that puts patch rows (or columns) on the canvas.
func placement(offsets []int) *ndarray.Float32 {
	m := ndarray.New[float32](len(offsets), 1, n, canvasSize)
	for j, offset := range offsets {
		for r := range n {
			m.Data[(j*n+r)*canvasSize+r+offset] = 1
		}
	}
	return m
}

func feedCanvas(b *bench, corners []corner, weight *ndarray.Float32) forward.Canvas {
	var rows, cols []int
	for _, c := range corners {
		rows, cols = append(rows, c.row), append(cols, c.col)
	}
	return forward.Canvas{Group: group, Weight: b.feed(weight), PlaceY: b.feed(placement(rows)),
		PlaceX: b.feed(placement(cols))}
}

func merge(t *testing.T, corners []corner, weight *ndarray.Float32, patches parts) parts {
	t.Helper()
	b := newBench(t)
	return b.computePair(feedCanvas(b, corners, weight).Merge(b.feedPair(patches)))
}

// plainMerge is the weighted mean of a real part, written as loops.
func plainMerge(corners []corner, weight, patches *ndarray.Float32) []float32 {
	out := make([]float32, len(patches.Data))
	for g := 0; g < len(corners); g += group {
		var sum, total [canvasSize * canvasSize]float64
		visit := func(do func(patch, pixel, canvas int)) {
			for j := g; j < g+group; j++ {
				for p := range n * n {
					do(j, p, (corners[j].row+p/n)*canvasSize+corners[j].col+p%n)
				}
			}
		}
		visit(func(j, p, c int) {
			sum[c] += float64(weight.Data[p]) * float64(patches.Data[j*n*n+p])
			total[c] += float64(weight.Data[p])
		})
		visit(func(j, p, c int) { out[j*n*n+p] = float32(sum[c] / total[c]) })
	}
	return out
}

// cut takes patches from one object for each group: patches that agree.
func cut(corners []corner) parts {
	object := randomParts(41, len(corners)/group, canvasSize, canvasSize)
	patches := parts{ndarray.New[float32](len(corners), 1, n, n), ndarray.New[float32](len(corners), 1, n, n)}
	for j, c := range corners {
		for p := range n * n {
			from := (j/group*canvasSize+c.row+p/n)*canvasSize + c.col + p%n
			patches.re.Data[j*n*n+p], patches.im.Data[j*n*n+p] = object.re.Data[from], object.im.Data[from]
		}
	}
	return patches
}

func TestMergeIsTheWeightedMean(t *testing.T) {
	patches, weight := randomParts(42, len(layout), 1, n, n), overlapWeight()
	got := merge(t, layout, weight, patches)
	testutil.CheckClose(t, "real part", got.re.Data, plainMerge(layout, weight, patches.re), tolerance)
	testutil.CheckClose(t, "imaginary part", got.im.Data, plainMerge(layout, weight, patches.im), tolerance)
}

func TestPatchesThatAgreeAreAFixedPoint(t *testing.T) {
	patches := cut(layout)
	got := merge(t, layout, overlapWeight(), patches)
	testutil.CheckClose(t, "real part", got.re.Data, patches.re.Data, tolerance)
	testutil.CheckClose(t, "imaginary part", got.im.Data, patches.im.Data, tolerance)
}

func TestMergingTwiceIsMergingOnce(t *testing.T) {
	once := merge(t, layout, overlapWeight(), randomParts(43, len(layout), 1, n, n))
	twice := merge(t, layout, overlapWeight(), once)
	testutil.CheckClose(t, "real part", twice.re.Data, once.re.Data, tolerance)
	testutil.CheckClose(t, "imaginary part", twice.im.Data, once.im.Data, tolerance)
}

func TestTheOrderOfPatchesDoesNotMatter(t *testing.T) {
	patches, weight := randomParts(44, len(layout), 1, n, n), overlapWeight()
	want := merge(t, layout, weight, patches)
	order := []int{2, 0, 1, 4, 3, 5} // within each group
	moved := parts{ndarray.New[float32](len(layout), 1, n, n), ndarray.New[float32](len(layout), 1, n, n)}
	corners := make([]corner, len(layout))
	for to, from := range order {
		corners[to] = layout[from]
		copy(moved.re.Data[to*n*n:(to+1)*n*n], patches.re.Data[from*n*n:])
		copy(moved.im.Data[to*n*n:(to+1)*n*n], patches.im.Data[from*n*n:])
	}
	got := merge(t, corners, weight, moved)
	for to, from := range order {
		testutil.CheckClose(t, "real part", got.re.Data[to*n*n:(to+1)*n*n], want.re.Data[from*n*n:(from+1)*n*n],
			tolerance)
		testutil.CheckClose(t, "imaginary part", got.im.Data[to*n*n:(to+1)*n*n], want.im.Data[from*n*n:(from+1)*n*n],
			tolerance)
	}
}

func TestGroupsDoNotMix(t *testing.T) {
	patches, weight := randomParts(45, len(layout), 1, n, n), overlapWeight()
	before := merge(t, layout, weight, patches)
	for i := range group * n * n {
		patches.re.Data[i] += 100 // all of the first group
	}
	after := merge(t, layout, weight, patches)
	for i := group * n * n; i < len(before.re.Data); i++ {
		if after.re.Data[i] != before.re.Data[i] {
			t.Fatalf("element %d of the second group moves from %g to %g with the first", i, before.re.Data[i],
				after.re.Data[i])
		}
	}
}

func TestGradientOfMergeAgreesWithFiniteDifferences(t *testing.T) {
	patches, weight := randomParts(46, len(layout), 1, n, n), overlapWeight()
	// weights of the merged pixels, so that no two count alike
	cost := testutil.Uniform(47, 0.5, 1.5, patches.re.Shape...)
	b := newBench(t)
	leaves := b.feedPair(patches)
	canvas := feedCanvas(b, layout, weight)
	merged := canvas.Merge(leaves)
	weighted := ops.Mul(merged.Re, b.feed(cost))
	sum := ops.Sum(weighted)
	grads := program.Gradients(sum, []*gorgonia.Node{leaves.Re})
	got := b.compute(grads[0])[0]

	plain := func() float64 {
		total := 0.0
		for i, v := range plainMerge(layout, weight, patches.re) {
			total += float64(cost.Data[i]) * float64(v)
		}
		return total
	}
	var analytic, difference []float32
	for e := 0; e < len(patches.re.Data); e += 5 {
		old := patches.re.Data[e]
		// The cost is linear: a wide step has no truncation error, and a difference of merged float32 values of order 1
		// is good to 2^-24 * 3 patches.
		patches.re.Data[e] = old + 0.5
		above := plain()
		patches.re.Data[e] = old - 0.5
		difference = append(difference, float32(above-plain()))
		patches.re.Data[e] = old
		analytic = append(analytic, got.Data[e])
	}
	testutil.CheckClose(t, "gradient", analytic, difference, tolerance)
}

func TestCanvasRefusesShapesThatDoNotFit(t *testing.T) {
	b := newBench(t)
	canvas := feedCanvas(b, layout, overlapWeight())
	canvas.Group = 4 // does not divide six patches
	merge := func(patches parts) error {
		_, err := ops.Build("merging", func() forward.Pair { return canvas.Merge(b.feedPair(patches)) })
		return err
	}
	if merge(randomParts(48, len(layout), 1, n, n)) == nil {
		t.Error("a group of 4 in 6 patches: no error")
	}
	canvas.Group = group
	if merge(randomParts(49, len(layout), 1, n-1, n-1)) == nil {
		t.Error("patches smaller than the placement: no error")
	}
}

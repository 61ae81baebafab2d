package forward_test

import (
	"math"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

// variances are logarithms of variances, squared errors, expected ones and weights, all (2, 1, n, n).
func variances() (logVariance, squared, expected, weight *ndarray.Float32) {
	of := func(seed uint64, low, high float32) *ndarray.Float32 {
		return testutil.Uniform(seed, float64(low), float64(high), 2, 1, n, n)
	}
	return of(1, -2, 1), of(2, 0, 2), of(3, 0.2, 1), of(4, 0, 1)
}

func TestGaussianIsTheLikelihood(t *testing.T) {
	l, s, e, w := variances()
	b := newBench(t)
	nodes := []*ops.Node{b.feed(l), b.feed(s), b.feed(e), b.feed(w)}
	got := b.compute(forward.Gaussian(nodes[0], nodes[1], nodes[2], nodes[3]),
		forward.Gaussian(nodes[0], nodes[1], nil, nodes[3]))
	scaled, plain := 0.0, 0.0
	for i := range l.Data {
		squared := float64(s.Data[i]) / math.Exp(float64(l.Data[i]))
		scaled += float64(w.Data[i]) * (float64(e.Data[i])*float64(l.Data[i]) + squared) / (n * n)
		plain += float64(w.Data[i]) * (float64(l.Data[i]) + squared) / (n * n)
	}
	testutil.CheckClose(t, "likelihood", got[0].Data, []float32{float32(scaled)}, tolerance)
	testutil.CheckClose(t, "likelihood of errors of variance 1", got[1].Data, []float32{float32(plain)}, tolerance)
}

// The variance that fits the errors is the squared error over what is expected of a variance of 1.
func TestGaussianIsSmallestAtTheVariance(t *testing.T) {
	l, s, e, w := variances()
	for i := range l.Data {
		s.Data[i] += 0.1
		l.Data[i] = float32(math.Log(float64(s.Data[i] / e.Data[i])))
	}
	b := newBench(t)
	at := b.feed(l)
	loss := forward.Gaussian(at, b.feed(s), b.feed(e), b.feed(w))
	gradient := program.Gradients(loss, []*ops.Node{at})[0]
	for i, g := range b.compute(gradient)[0].Data {
		if !(math.Abs(float64(g)) < 1e-7) { // of terms of about 0.01
			t.Errorf("gradient %g at element %d, want 0", g, i)
		}
	}
}

// TestDisagreementIsExpectedOfIndependentPatches compares with shares that are summed in loops: where patch k has a
// share s_k of a pixel's mean, the difference of patch j from it has the variance (1 - s_j)^2 + sum of the other s_k^2.
func TestDisagreementIsExpectedOfIndependentPatches(t *testing.T) {
	patches, weight := randomParts(45, len(layout), 1, n, n), overlapWeight()
	b := newBench(t)
	canvas := feedCanvas(b, layout, weight)
	pair := b.feedPair(patches)
	merged := canvas.Merge(pair)
	squared, expected := canvas.Disagreement(pair, merged)
	got := b.compute(squared, expected, merged.Re, merged.Im)

	wantSquared, want := make([]float32, len(got[0].Data)), make([]float32, len(got[0].Data))
	for j, c := range layout {
		for p := range n * n {
			row, col := c.row+p/n, c.col+p%n
			total, own := 0.0, float64(weight.Data[p])
			var others []float64
			for k := j / group * group; k < j/group*group+group; k++ {
				r, q := row-layout[k].row, col-layout[k].col
				if r < 0 || r >= n || q < 0 || q >= n {
					continue
				}
				w := float64(weight.Data[r*n+q])
				total += w
				if k != j {
					others = append(others, w)
				}
			}
			variance := math.Pow(1-own/total, 2)
			for _, w := range others {
				variance += math.Pow(w/total, 2)
			}
			i := j*n*n + p
			want[i] = float32(variance)
			re, im := patches.re.Data[i]-got[2].Data[i], patches.im.Data[i]-got[3].Data[i]
			wantSquared[i] = re*re + im*im
		}
	}
	testutil.CheckClose(t, "squared disagreement", got[0].Data, wantSquared, tolerance)
	testutil.CheckClose(t, "expected disagreement", got[1].Data, want, tolerance)
}

func TestSquaredErrorIsThatOfTheComplexObject(t *testing.T) {
	object, phase := randomParts(46, 2, 1, n, n), testutil.Uniform(47, -3, 3, 2, 1, n, n)
	amplitude := testutil.Uniform(48, 0.2, 1, 2, 1, n, n)
	unit := parts{ndarray.New[float32](2, 1, n, n), ndarray.New[float32](2, 1, n, n)}
	want := make([]float32, len(phase.Data))
	for i, p := range phase.Data {
		sin, cos := math.Sincos(float64(p))
		unit.re.Data[i], unit.im.Data[i] = float32(cos), float32(sin)
		a := float64(amplitude.Data[i])
		want[i] = float32(math.Pow(float64(object.re.Data[i])-a*cos, 2) + math.Pow(float64(object.im.Data[i])-a*sin, 2))
	}
	b := newBench(t)
	truth := forward.Truth{Amplitude: b.feed(amplitude), Phase: b.feedPair(unit)}
	testutil.CheckClose(t, "squared error", b.compute(forward.SquaredError(b.feedPair(object), truth))[0].Data, want,
		tolerance)
}

package forward_test

import (
	"math"
	"math/cmplx"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

// plainAgree turns each patch to the phase of the weighted mean of its group, written as loops.
func plainAgree(corners []corner, weight *ndarray.Float32, patches parts, rounds int) parts {
	turned := parts{ndarray.New[float32](patches.re.Shape...), ndarray.New[float32](patches.re.Shape...)}
	copy(turned.re.Data, patches.re.Data)
	copy(turned.im.Data, patches.im.Data)
	for range rounds {
		re, im := plainMerge(corners, weight, turned.re), plainMerge(corners, weight, turned.im)
		for j := range corners {
			var sum complex128
			for p := range n * n {
				q := j*n*n + p
				patch := complex(float64(turned.re.Data[q]), float64(turned.im.Data[q]))
				sum += complex(float64(weight.Data[p]), 0) * cmplx.Conj(patch) *
					complex(float64(re[q]), float64(im[q]))
			}
			for q := j * n * n; q < (j+1)*n*n; q++ {
				v := complex(float64(turned.re.Data[q]), float64(turned.im.Data[q])) * sum / complex(cmplx.Abs(sum), 0)
				turned.re.Data[q], turned.im.Data[q] = float32(real(v)), float32(imag(v))
			}
		}
	}
	return turned
}

func TestAgreeTurnsPatchesToTheirMean(t *testing.T) {
	patches, weight := randomParts(50, len(layout), 1, n, n), overlapWeight()
	for _, rounds := range []int{0, 1, 2} {
		b := newBench(t)
		got := b.computePair(feedCanvas(b, layout, weight).Agree(b.feedPair(patches), rounds))
		want := plainAgree(layout, weight, patches, rounds)
		testutil.CheckClose(t, "real part", got.re.Data, want.re.Data, tolerance)
		testutil.CheckClose(t, "imaginary part", got.im.Data, want.im.Data, tolerance)
	}
}

// TestAgreeUndoesTurns: patches of one object that were turned come back to one phase.
func TestAgreeUndoesTurns(t *testing.T) {
	patches := cut(layout)
	const base = 2 // so that patches have a mean, as transmissions have
	for i := range patches.re.Data {
		patches.re.Data[i] += base
	}
	angles := []float64{0.3, -0.4, 0.1, 0.5, -0.2, 0.7}
	turned := parts{ndarray.New[float32](patches.re.Shape...), ndarray.New[float32](patches.re.Shape...)}
	for i := range patches.re.Data {
		v := complex(float64(patches.re.Data[i]), float64(patches.im.Data[i])) * cmplx.Rect(1, angles[i/(n*n)])
		turned.re.Data[i], turned.im.Data[i] = float32(real(v)), float32(imag(v))
	}
	b := newBench(t)
	got := b.computePair(feedCanvas(b, layout, overlapWeight()).Agree(b.feedPair(turned), 40))
	angle := func(j int) float64 {
		i := j * n * n
		return cmplx.Phase(complex(float64(got.re.Data[i]), float64(got.im.Data[i])) /
			complex(float64(patches.re.Data[i]), float64(patches.im.Data[i])))
	}
	for _, pair := range [][2]int{{0, 1}, {0, 2}, {3, 4}, {3, 5}} {
		// 40 rounds leave a thousandth of 0.7 rad
		if d := math.Abs(angle(pair[0]) - angle(pair[1])); !(d < 1e-3) {
			t.Errorf("patches %d and %d differ by %g rad after turning", pair[0], pair[1], d)
		}
	}
}

func TestGradientOfAgreeAgreesWithFiniteDifferences(t *testing.T) {
	patches, weight := randomParts(51, len(layout), 1, n, n), overlapWeight()
	cost := testutil.Uniform(52, 0.5, 1.5, patches.re.Shape...)
	b := newBench(t)
	leaves := b.feedPair(patches)
	turned := feedCanvas(b, layout, weight).Agree(leaves, 2)
	sum := ops.Sum(ops.Mul(turned.Re, b.feed(cost)))
	got := b.compute(program.Gradients(sum, []*gorgonia.Node{leaves.Im})[0])[0]
	plain := func() (total float64) {
		for i, v := range plainAgree(layout, weight, patches, 2).re.Data {
			total += float64(cost.Data[i]) * float64(v)
		}
		return total
	}
	const step = 0.02
	var analytic, difference []float32
	for e := 0; e < len(patches.im.Data); e += 17 {
		old := patches.im.Data[e]
		patches.im.Data[e] = old + step
		above := plain()
		patches.im.Data[e] = old - step
		difference = append(difference, float32((above-plain())/(2*step)))
		patches.im.Data[e] = old
		analytic = append(analytic, got.Data[e])
	}
	// float32 values of order 1 differ by up to 2^-24 each, over a step of 0.04; the truncation is of order step^2.
	testutil.CheckClose(t, "gradient", analytic, difference, 2e-3)
}

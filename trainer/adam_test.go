package trainer

import (
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/ops"
)

// solverArray is a parameter as gorgonia's solvers take it.
type solverArray struct{ value, grad *ndarray.Float32 }

func (s solverArray) Value() gorgonia.Value         { return ops.ToValue(s.value) }
func (s solverArray) Grad() (gorgonia.Value, error) { return ops.ToValue(s.grad), nil }

// arrays are parameters to start from.
func arrays(shapes ...[]int) []*ndarray.Float32 { return drawn(1, shapes...) }

func drawn(seed uint64, shapes ...[]int) (list []*ndarray.Float32) {
	for i, s := range shapes {
		list = append(list, testutil.Uniform(seed*100+uint64(i), -1, 1, s...))
	}
	return list
}

func numbers(list []*ndarray.Float32) (out [][]float32) {
	for _, a := range list {
		out = append(out, a.Data)
	}
	return out
}

var adamShapes = [][]int{{4, 3, 3, 3}, {4}, {7, 11}}

// TestAdamAgreesWithGorgonias: both take the conventions of Kingma and Ba's algorithm 1: both moments corrected for
// their bias, epsilon 1e-8 added after the square root, outside of it. They differ only in the order of roundings: an
// update to some 2^-22 of itself. The parameters start near 0, so that their own rounding does not hide the updates.
func TestAdamAgreesWithGorgonias(t *testing.T) {
	t.Parallel()
	const rate, steps = 1e-3, 10
	ours, theirs := arrays(adamShapes...), arrays(adamShapes...)
	for i := range ours {
		for k := range ours[i].Data {
			ours[i].Data[k] *= rate
			theirs[i].Data[k] *= rate
		}
	}
	start := flatten(ours)
	adam := NewAdam(ours)
	solver := gorgonia.NewAdamSolver(gorgonia.WithLearnRate(rate))
	var model []gorgonia.ValueGrad
	var entries []solverArray
	for _, p := range theirs {
		e := solverArray{p, ndarray.New[float32](p.Shape...)}
		entries, model = append(entries, e), append(model, e)
	}
	for step := range steps {
		grads := numbers(drawn(uint64(50+step), adamShapes...))
		var list []*ndarray.Float32
		for i, g := range grads {
			if step%3 == 1 { // tiny gradients, where epsilon matters
				for k := range g {
					g[k] *= 1e-7
				}
			}
			copy(entries[i].grad.Data, g) // the solver clears its gradients
			list = append(list, ndarray.Wrap(g, adamShapes[i]...))
		}
		if err := solver.Step(model); err != nil {
			t.Fatal(err)
		}
		adam.Update(ours, list, 1, []float64{rate, rate, rate}, 1)
		for i := range ours {
			testutil.CheckClose(t, "parameter", ours[i].Data, theirs[i].Data, 2e-6)
		}
	}
	moved := 0.0
	for i, v := range flatten(ours) {
		moved = max(moved, math.Abs(float64(v-start[i])))
	}
	if !(moved > 3*rate) {
		t.Errorf("ten steps moved no parameter by more than %g: nothing was compared", moved)
	}
}

// TestAdamAgainstItsFormula: one parameter in float64, with epsilon too large to be overlooked.
func TestAdamAgainstItsFormula(t *testing.T) {
	t.Parallel()
	const rate, beta1, beta2, eps = 0.1, 0.9, 0.999, 0.5
	p := ndarray.Wrap([]float32{2}, 1)
	adam := NewAdam([]*ndarray.Float32{p})
	adam.Epsilon = eps
	want, m, v := 2.0, 0.0, 0.0
	rng := rand.New(rand.NewPCG(1, 2))
	for step := 1; step <= 20; step++ {
		g := rng.NormFloat64()
		m, v = beta1*m+(1-beta1)*g, beta2*v+(1-beta2)*g*g
		n := float64(step)
		want -= rate * (m / (1 - math.Pow(beta1, n))) / (math.Sqrt(v/(1-math.Pow(beta2, n))) + eps)
		adam.Update([]*ndarray.Float32{p}, []*ndarray.Float32{ndarray.Wrap([]float32{float32(g)}, 1)}, 1,
			[]float64{rate}, 1)
		// 20 updates in float32, each of some ten roundings of 2^-24.
		if !testutil.Close(float64(p.Data[0]), want, 5e-6, 0) {
			t.Fatalf("step %d: %v, want %v", step, p.Data[0], want)
		}
	}
	if adam.Step != 20 {
		t.Errorf("%d updates counted, want 20", adam.Step)
	}
}

func TestAdamScaleRatesAndWorkers(t *testing.T) {
	t.Parallel()
	update := func(scale float64, rates []float64, workers int, factor float32) []*ndarray.Float32 {
		params, grads := arrays(adamShapes...), drawn(9, adamShapes...)
		for _, g := range grads {
			for k := range g.Data {
				g.Data[k] *= factor
			}
		}
		adam := NewAdam(params)
		adam.Epsilon = 1 // makes the size of the gradient matter
		for range 3 {
			adam.Update(params, grads, scale, rates, workers)
		}
		return params
	}
	even := []float64{0.1, 0.1, 0.1}
	want := flatten(update(1, even, 1, 1))
	for _, workers := range []int{2, 3, 8} {
		same(t, "other workers", flatten(update(1, even, workers, 1)), want)
	}
	same(t, "gradients doubled and halved again", flatten(update(0.5, even, 1, 2)), want)
	held := update(1, []float64{0.1, 0, 0.1}, 1, 1)
	same(t, "rate 0", held[1].Data, arrays(adamShapes...)[1].Data)
	same(t, "its neighbour", held[2].Data, update(1, even, 1, 1)[2].Data)
}

func TestGatherAddsReplicas(t *testing.T) {
	t.Parallel()
	shapes := [][]int{{3*gatherBlock + 5}, {3}, {}}
	var wantNorm float64
	for _, workers := range []int{1, 2, 5} {
		replicas := [][]*ndarray.Float32{drawn(1, shapes...), drawn(2, shapes...), drawn(3, shapes...)}
		sum, square := numbers(drawn(1, shapes...)), 0.0
		for i := range sum {
			for k := range sum[i] {
				sum[i][k] = sum[i][k] + replicas[1][i].Data[k] + replicas[2][i].Data[k]
				square += float64(sum[i][k]) * float64(sum[i][k])
			}
		}
		norm := gather(replicas, workers)
		for i := range sum {
			same(t, "sum", replicas[0][i].Data, sum[i])
		}
		// Both norms are float64 sums of 5 10^4 terms, in different orders.
		if !testutil.Close(norm, math.Sqrt(square), 0, 1e-12) {
			t.Errorf("%d workers: norm %v, want %v", workers, norm, math.Sqrt(square))
		}
		if wantNorm == 0 {
			wantNorm = norm
		}
		if norm != wantNorm {
			t.Errorf("%d workers: norm %v, with one worker %v", workers, norm, wantNorm)
		}
	}
}

package trainer

import (
	"math"
	"sync"

	"ptyx/internal/ndarray"
)

// Adam is the optimiser of Kingma and Ba (ICLR 2015, algorithm 1), with bias-corrected moments. It updates parameters in
// place, in parallel over ranges of elements: the result does not depend on the number of workers.
type Adam struct {
	Beta1, Beta2, Epsilon float64

	Step   int                // updates made
	First  []*ndarray.Float32 // running mean of the gradient
	Second []*ndarray.Float32 // running mean of its square
}

// NewAdam prepares moments for the given parameters, with the paper's constants.
func NewAdam(params []*ndarray.Float32) *Adam {
	a := &Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
	for _, p := range params {
		a.First = append(a.First, ndarray.New[float32](p.Shape...))
		a.Second = append(a.Second, ndarray.New[float32](p.Shape...))
	}
	return a
}

// Update makes one step down the sum of the gradients of several replicas; rates holds the learning rate of each
// parameter. The gradients of the first replica are overwritten with the sum.
func (a *Adam) Update(params []*ndarray.Float32, replicas [][]*ndarray.Float32, rates []float64, workers int) {
	a.Step++
	u := adamUpdate{
		beta1: float32(a.Beta1), beta2: float32(a.Beta2), eps: float32(a.Epsilon),
		correct1: float32(1 / (1 - math.Pow(a.Beta1, float64(a.Step)))),
		correct2: float32(1 / (1 - math.Pow(a.Beta2, float64(a.Step)))),
	}
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i, p := range params {
				n := len(p.Data)
				from, to := n*worker/workers, n*(worker+1)/workers
				grad := replicas[0][i].Data[from:to]
				for _, other := range replicas[1:] {
					accumulate(grad, other[i].Data[from:to])
				}
				u.apply(float32(rates[i]), p.Data[from:to], grad, a.First[i].Data[from:to], a.Second[i].Data[from:to])
			}
		}()
	}
	wait.Wait()
}

func accumulate(sum, term []float32) {
	term = term[:len(sum)]
	for i, v := range term {
		sum[i] += v
	}
}

// adamUpdate holds the constants of one step.
type adamUpdate struct{ beta1, beta2, eps, correct1, correct2 float32 }

func (u adamUpdate) apply(rate float32, param, grad, first, second []float32) {
	grad, first, second = grad[:len(param)], first[:len(param)], second[:len(param)] // lets the compiler drop bounds checks
	for i := range param {
		g := grad[i]
		m := u.beta1*first[i] + (1-u.beta1)*g
		v := u.beta2*second[i] + (1-u.beta2)*g*g
		first[i], second[i] = m, v
		param[i] -= rate * (m * u.correct1) / (float32(math.Sqrt(float64(v*u.correct2))) + u.eps)
	}
}

package trainer

import (
	"math"
	"sync"

	"ptyx/internal/base/ndarray"
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

// Gather adds the gradients of all replicas into those of the first, and returns their Euclidean norm. Neither depends
// on the number of workers.
func (a *Adam) Gather(replicas [][]*ndarray.Float32, workers int) float64 {
	squares := make([][]float64, len(replicas[0]))
	for i, g := range replicas[0] {
		squares[i] = make([]float64, (len(g.Data)+gatherBlock-1)/gatherBlock)
	}
	parallel(workers, func(worker int) {
		for i, g := range replicas[0] {
			for block := worker; block < len(squares[i]); block += workers {
				from, to := block*gatherBlock, min((block+1)*gatherBlock, len(g.Data))
				for _, other := range replicas[1:] {
					accumulate(g.Data[from:to], other[i].Data[from:to])
				}
				squares[i][block] = sumSquares(g.Data[from:to])
			}
		}
	})
	total := 0.0
	for _, blocks := range squares {
		for _, v := range blocks {
			total += v
		}
	}
	return math.Sqrt(total)
}

// gatherBlock is the piece of a gradient that one worker adds up.
const gatherBlock = 1 << 14

func accumulate(sum, term []float32) {
	term = term[:len(sum)]
	for i, v := range term {
		sum[i] += v
	}
}

func sumSquares(v []float32) float64 {
	var sum [4]float64 // independent sums keep the processor busy
	for len(v) >= 4 {
		for i := range sum {
			sum[i] += float64(v[i]) * float64(v[i])
		}
		v = v[4:]
	}
	for _, x := range v {
		sum[0] += float64(x) * float64(x)
	}
	return sum[0] + sum[1] + sum[2] + sum[3]
}

// Update makes one step down the gradients, each multiplied by scale; rates holds the learning rate of each parameter.
func (a *Adam) Update(params, grads []*ndarray.Float32, scale float64, rates []float64, workers int) {
	a.Step++
	u := adamUpdate{
		beta1: float32(a.Beta1), beta2: float32(a.Beta2), eps: float32(a.Epsilon), scale: float32(scale),
		correct1: float32(1 / (1 - math.Pow(a.Beta1, float64(a.Step)))),
		correct2: float32(1 / (1 - math.Pow(a.Beta2, float64(a.Step)))),
	}
	parallel(workers, func(worker int) {
		for i, p := range params {
			n := len(p.Data)
			from, to := n*worker/workers, n*(worker+1)/workers
			u.apply(float32(rates[i]), p.Data[from:to], grads[i].Data[from:to], a.First[i].Data[from:to], a.Second[i].Data[from:to])
		}
	})
}

// parallel runs work for every worker at once.
func parallel(workers int, work func(worker int)) {
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			work(worker)
		}()
	}
	wait.Wait()
}

// adamUpdate holds the constants of one step.
type adamUpdate struct{ beta1, beta2, eps, scale, correct1, correct2 float32 }

func (u adamUpdate) apply(rate float32, param, grad, first, second []float32) {
	grad, first, second = grad[:len(param)], first[:len(param)], second[:len(param)] // lets the compiler drop bounds checks
	for i := range param {
		g := u.scale * grad[i]
		m := u.beta1*first[i] + (1-u.beta1)*g
		v := u.beta2*second[i] + (1-u.beta2)*g*g
		first[i], second[i] = m, v
		param[i] -= rate * (m * u.correct1) / (float32(math.Sqrt(float64(v*u.correct2))) + u.eps)
	}
}

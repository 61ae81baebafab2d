package trainer

import (
	"math"

	"ptyx/internal/base/ndarray"
)

// Adam is the optimiser of Kingma and Ba (ICLR 2015, algorithm 1), with bias-corrected moments. It updates parameters
// in place, in parallel over ranges of elements.
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

// Updates points to the number of updates made.
func (a *Adam) Updates() *int { return &a.Step }

// Memory lists both moments.
func (a *Adam) Memory() []Memory { return []Memory{{"first", a.First}, {"second", a.Second}} }

// Update makes one step down the gradients, as Optimiser requires.
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
			first, second := a.First[i].Data[from:to], a.Second[i].Data[from:to]
			u.apply(float32(rates[i]), p.Data[from:to], grads[i].Data[from:to], first, second)
		}
	})
}

// adamUpdate holds the constants of one update.
type adamUpdate struct{ beta1, beta2, eps, scale, correct1, correct2 float32 }

func (u adamUpdate) apply(rate float32, param, grad, first, second []float32) {
	// Equal lengths let the compiler drop bounds checks.
	grad, first, second = grad[:len(param)], first[:len(param)], second[:len(param)]
	for i := range param {
		g := u.scale * grad[i]
		m := u.beta1*first[i] + (1-u.beta1)*g
		v := u.beta2*second[i] + (1-u.beta2)*g*g
		first[i], second[i] = m, v
		param[i] -= rate * (m * u.correct1) / (float32(math.Sqrt(float64(v*u.correct2))) + u.eps)
	}
}

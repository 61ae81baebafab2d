package trainer

import (
	"fmt"
	"math"
	"sync"

	"ptyx/internal/base/ndarray"
)

// Optimiser moves parameters down their gradients and remembers what it needs from one update to the next.
type Optimiser interface {
	// Update makes one step in place. Parameters and gradients have the shapes that the optimiser was made for. Each
	// gradient is multiplied by scale first; rates holds the learning rate of each parameter. The work is shared by the
	// given number of workers, and the result must not depend on that number.
	Update(params, grads []*ndarray.Float32, scale float64, rates []float64, workers int)
	// Updates points to the number of updates made.
	Updates() *int
	// Memory lists the arrays kept between updates, always in the same order. They share their data with the optimiser:
	// a state file saves them and overwrites them when a training is resumed.
	Memory() []Memory
}

// Memory is one kind of array that an optimiser keeps, such as Adam's first moment: one array for each parameter.
type Memory struct {
	Name   string // in state files
	Arrays []*ndarray.Float32
}

// defaultOptimiser is the name in the table of optimisers that Train uses.
const defaultOptimiser = "adam"

// optimisers is the table of optimisers by the name that begins their keys in a state file. To add an optimiser, write
// its file and its row.
func optimisers() map[string]func(params []*ndarray.Float32) Optimiser {
	return map[string]func([]*ndarray.Float32) Optimiser{
		defaultOptimiser: func(params []*ndarray.Float32) Optimiser { return NewAdam(params) },
	}
}

// optimiserArrays lists all arrays of an optimiser with their keys in a state file, parameter by parameter.
func optimiserArrays(name string, o Optimiser) []namedArray {
	var list []namedArray
	memory := o.Memory()
	for i := 0; len(memory) > 0 && i < len(memory[0].Arrays); i++ {
		for _, m := range memory {
			list = append(list, namedArray{fmt.Sprintf("%s.%s.%d", name, m.Name, i), m.Arrays[i]})
		}
	}
	return list
}

// gather adds the gradients of all replicas into those of the first, and returns their Euclidean norm. Neither depends
// on the number of workers.
func gather(replicas [][]*ndarray.Float32, workers int) float64 {
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

// gatherBlock is the number of gradient elements that one worker adds at a time.
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

// parallel runs work for every worker at once.
func parallel(workers int, work func(worker int)) {
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() { work(worker) })
	}
	wait.Wait()
}

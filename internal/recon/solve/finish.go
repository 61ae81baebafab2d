package solve

import (
	"context"
	"math"

	"ptyx/internal/base/ndarray"
)

// finish brings object and probe into the form in which they are returned, and looks at them once more.
func (s *state) finish(ctx context.Context, run *stepper, solution *Solution) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.orthogonalise()
	light, peak := s.light()
	lit := make([]float64, len(s.object.re))
	asked := make([]float64, len(s.object.re)) // sum of |P|^2 |dO|^2 where dO = conj(P) chi / |P|^2 is what a pattern asks for
	misfit, size := 0.0, s.n*s.n
	err := run.each(upTo(len(s.x)), func(r *replica) error {
		misfit += float64(r.misfit.Data[0])
		for slot, id := range r.members {
			at := s.canvas.at(s.x[id], s.y[id])
			re, im := part(r.objectGradRe, slot, size), part(r.objectGradIm, slot, size)
			for q, w := range light {
				pixel := at + q/s.n*s.canvas.width + q%s.n
				lit[pixel] += float64(w)
				asked[pixel] += float64(re[q]*re[q]+im[q]*im[q]) / float64(w+spreadFloor*peak)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	solution.Residual = misfit / s.power
	s.deliver(solution, lit, asked, float64(peak))
	return nil
}

// spreadFloor keeps what the dark rim of a patch asks for from counting, in units of the probe's peak.
const spreadFloor = 1e-3

// deliver cuts the solution out of the canvas, whose margin no pattern sees once all positions are found.
func (s *state) deliver(solution *Solution, lit, asked []float64, peak float64) {
	tight := newCanvas(s.x, s.y, s.n, 0)
	solution.Row, solution.Col = tight.row, tight.col
	solution.Object = ndarray.New[complex64](tight.height, tight.width)
	solution.Coverage, solution.Spread = ndarray.New[float32](tight.height, tight.width), ndarray.New[float32](tight.height, tight.width)
	for i := range solution.Object.Data {
		from := (i/tight.width+tight.row-s.canvas.row)*s.canvas.width + i%tight.width + tight.col - s.canvas.col
		if w := lit[from]; w > 0 {
			solution.Object.Data[i] = complex(s.object.re[from], s.object.im[from])
			solution.Coverage.Data[i] = float32(w / peak)
			solution.Spread.Data[i] = float32(math.Sqrt(asked[from] / w))
		}
	}
	solution.Probe = ndarray.New[complex64](s.options.Modes, s.n, s.n)
	for i, re := range s.probeRe.Data {
		solution.Probe.Data[i] = complex(re, s.probeIm.Data[i]) * complex(float32(1/s.scale), 0)
	}
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

package solve

import (
	"math"
	"slices"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
)

// finish runs all patterns once more and makes a solution of the state.
func (s *state) finish(m method) (*Solution, error) {
	solution := &Solution{X: slices.Clone(s.x), Y: slices.Clone(s.y)}
	s.orthogonalise()
	if s.offset != nil {
		solution.Background = s.offset.counts()
	}
	if s.variation != nil {
		s.variation.finish(solution)
	}
	light, peak := s.light()
	illumination := make([]float64, len(s.object.re))
	// sum |P|^2 |dO|^2, where a pattern asks for dO = conj(P) chi / |P|^2
	deviation := make([]float64, len(s.object.re))
	solution.Residuals = make([]float64, len(s.x))
	total := 0.0
	err := m.each(func(id int, squares float64, re, im []float32) {
		total += squares
		solution.Residuals[id] = ratio(squares, s.powers[id])
		at := s.at(id)
		for q, w := range light {
			pixel := at + q/s.n*s.object.width + q%s.n
			illumination[pixel] += float64(w)
			deviation[pixel] += float64(re[q]*re[q]+im[q]*im[q]) / float64(w+spreadFloor*peak)
		}
	})
	if err != nil {
		return nil, err
	}
	solution.Residual = total / s.power
	s.cropTo(solution, illumination, deviation, float64(peak))
	return solution, nil
}

// finite reports whether every number of the solution is finite.
func (s *Solution) finite() bool {
	for _, image := range []*ndarray.Complex64{s.Object, s.Probe} {
		for _, v := range image.Data {
			if !finite(float64(real(v))) || !finite(float64(imag(v))) {
				return false
			}
		}
	}
	for _, image := range []*ndarray.Float32{s.Coverage, s.Spread} {
		for _, v := range image.Data {
			if !finite(float64(v)) {
				return false
			}
		}
	}
	for _, v := range slices.Concat(s.X, s.Y, s.Residuals, []float64{s.Residual}) {
		if !finite(v) {
			return false
		}
	}
	return true
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// spreadFloor keeps the dark rim of a patch out of the spread, in units of the probe's peak.
const spreadFloor = 1e-3

// cropTo copies the canvas into the solution without its margin, which no pattern sees once all positions are found.
func (s *state) cropTo(solution *Solution, illumination, deviation []float64, peak float64) {
	box := frame.Cover(s.x, s.y, s.n)
	height, width := box.Height(), box.Width()
	solution.Row, solution.Col = box.Top, box.Left
	solution.Object = ndarray.New[complex64](height, width)
	solution.Coverage, solution.Spread = ndarray.New[float32](height, width), ndarray.New[float32](height, width)
	for i := range solution.Object.Data {
		from := (i/width+box.Top-s.box.Top)*s.object.width + i%width + box.Left - s.box.Left
		if w := illumination[from]; w > 0 {
			solution.Object.Data[i] = complex(s.object.re[from], s.object.im[from])
			solution.Coverage.Data[i] = float32(w / peak)
			solution.Spread.Data[i] = float32(math.Sqrt(deviation[from] / w))
		}
	}
	solution.Probe = ndarray.New[complex64](s.options.Modes, s.n, s.n)
	for i := range solution.Probe.Data {
		re := s.probeRe.Data[i]
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

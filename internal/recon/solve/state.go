package solve

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
)

// state is object, probe and positions during the iteration. Patterns are scaled to a mean intensity of 1 per pixel,
// and the probe with them, so that floors and dampings mean the same for every experiment.
type state struct {
	options Options
	box     frame.Box // of the object
	n       int
	x, y    []float64

	patterns Patterns  // (M, N, N), not scaled
	measured []bool    // (N*N), pixels that count; nil: all
	scale    float64   // factor of the patterns
	powers   []float64 // (M), sum d^2 of each pattern at the pixels that count, scaled
	power    float64   // of all patterns at the pixels that count, scaled
	lit      []int     // patterns with light, which alone count

	object           *plane
	probeRe, probeIm *ndarray.Float32 // (K+V, N, N), modes, then variable modes
	start            centroid         // of the probe at the start
	positions        *positions       // nil: they stay as given
	variation        *variation       // of the probe; nil: it is the same for all patterns
	offset           *offset          // background that is found; nil: none
	noise            float64          // mean square of a pixel's misfit in the last pass
	hasObject        bool             // the problem has an object, so the probe may move at once
	support          []bool           // (N*N), pixels where the probe may have light; nil: all
	tile             bool             // the state is a tile of another, whose probe and object it must not shift
	portable         bool             // the result must not depend on the number of threads
	stepShare        float64          // of the usual steps; 1 until a pass diverges

	memory    memory // of the method
	passes    int    // made, also those that diverged
	converged bool
	history   []Pass // without those that diverged
}

func newState(p Problem, o Options) (*state, error) {
	n, margin := p.Patterns.Side(), 0
	if o.Positions {
		margin = positionReach
	}
	s := &state{
		options: o, n: n, stepShare: 1, x: slices.Clone(p.X), y: slices.Clone(p.Y), measured: p.Measured,
		box: frame.Cover(p.X, p.Y, n).Grow(margin), patterns: p.Patterns,
	}
	if err := s.scalePatterns(p); err != nil {
		return nil, err
	}
	s.findLit()
	if o.Positions {
		s.positions = newPositions(s)
	}
	s.variation, s.offset = newVariation(s), newOffset(s)
	s.startObject(p)
	if err := s.startProbe(p.Probe); err != nil {
		return nil, err
	}
	return s, nil
}

// scalePatterns finds the factor of the patterns, and their light with it.
func (s *state) scalePatterns(p Problem) error {
	power, err := p.Light()
	if err != nil {
		return err
	}
	if !(power > 0) {
		return &badinput.Error{Key: "diff3d", Found: "patterns that are zero everywhere", Expected: "some light"}
	}
	s.scale = math.Sqrt(float64(s.pixels()) / power)
	s.power, s.powers = power*(s.scale*s.scale), make([]float64, len(s.x))
	measured := 0.0
	err = eachPattern(s.patterns, func(id int, pattern []float32) {
		s.prepare(pattern)
		for _, d := range pattern {
			square := float64(d) * float64(d)
			s.powers[id] += square
			measured += square
		}
	})
	if s.measured != nil {
		s.power = measured
	}
	return err
}

// pixels is the number of pixels of all patterns, M N N.
func (s *state) pixels() int { return len(s.x) * s.n * s.n }

// read copies pattern id, (N, N), scaled. Pixels that do not count are 0; the graph clears the modelled ones, too.
// Several goroutines may call it at once.
func (s *state) read(id int, pattern []float32) error {
	if err := s.patterns.Read(id, pattern); err != nil {
		return err
	}
	s.prepare(pattern)
	return nil
}

// prepare scales a pattern and clears the pixels that do not count.
func (s *state) prepare(pattern []float32) {
	factor := float32(s.scale)
	for i, d := range pattern {
		pattern[i] = d * factor
	}
	for i, counts := range s.measured {
		if !counts {
			pattern[i] = 0
		}
	}
}

// leastLight is the share of the mean pattern's light below which a pattern was taken without beam. It would demand an
// opaque object.
const leastLight = 1e-3

// findLit lists the patterns with light.
func (s *state) findLit() {
	least := leastLight * s.power / float64(len(s.x))
	for id := range s.x {
		if s.powers[id] > least {
			s.lit = append(s.lit, id)
		}
	}
}

// shuffled are the patterns with light in an order of the random numbers.
func (s *state) shuffled(r *rand.Rand) []int {
	order := r.Perm(len(s.lit))
	for i, k := range order {
		order[i] = s.lit[k]
	}
	return order
}

// startObject copies the problem's object; the rest is 1.
func (s *state) startObject(p Problem) {
	s.object = newPlane(s.box)
	for i := range s.object.re {
		s.object.re[i] = 1
	}
	if p.Object == nil {
		return
	}
	s.hasObject = true
	height, width := p.Object.Shape[0], p.Object.Shape[1]
	for i := range s.object.re {
		row, col := i/s.object.width+s.box.Top-p.Row, i%s.object.width+s.box.Left-p.Col
		if row < 0 || row >= height || col < 0 || col >= width {
			continue
		}
		if v := p.Object.Data[row*width+col]; v != 0 { // 0 stands where no patch lies
			s.object.re[i], s.object.im[i] = real(v), imag(v)
		}
	}
}

// startProbe copies the given modes and makes the missing ones of the first.
func (s *state) startProbe(probe *ndarray.Complex64) error {
	size := s.n * s.n
	given := len(probe.Data) / size
	if given < 1 || given*size != len(probe.Data) {
		return fmt.Errorf("a probe of shape %v for patterns of %d pixels", probe.Shape, s.n)
	}
	modes := s.options.Modes
	planes := modes + s.options.OPR
	s.probeRe, s.probeIm = ndarray.New[float32](planes, s.n, s.n), ndarray.New[float32](planes, s.n, s.n)
	for i := range min(modes, given) * size {
		s.probeRe.Data[i], s.probeIm.Data[i] = real(probe.Data[i]), imag(probe.Data[i])
	}
	if given < modes {
		s.addModes(given)
	}
	s.start = s.centroid()
	if err := s.startSupport(); err != nil {
		return err
	}
	s.scaleProbe()
	return nil
}

// movesProbe reports whether the probe moves in a pass. An empty object gets one pass to catch up.
func (s *state) movesProbe(pass int) bool {
	return (pass > 1 || s.hasObject) && pass > s.options.Freeze.Probe
}

// movesObject reports whether the object moves in a pass.
func (s *state) movesObject(pass int) bool { return pass > s.options.Freeze.Object }

// movesPositions reports whether positions move in a pass.
func (s *state) movesPositions(pass int) bool {
	return s.positions != nil && (pass >= positionsFrom || s.hasObject) && pass > s.options.Freeze.Positions
}

// at is the element of the object at which pattern id's patch starts.
func (s *state) at(id int) int {
	row, col := s.box.Offset(s.x[id], s.y[id], s.n)
	return row*s.object.width + col
}

// light is sum_k |P_k|^2 of modes and variable modes, (N, N), and its largest value.
func (s *state) light() (light []float32, peak float32) {
	size := s.n * s.n
	light = make([]float32, size)
	for i, re := range s.probeRe.Data {
		im := s.probeIm.Data[i]
		light[i%size] += re*re + im*im
	}
	for _, v := range light {
		peak = max(peak, v)
	}
	return light, peak
}

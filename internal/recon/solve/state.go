package solve

import (
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

// state is object, probe and positions on their way. Patterns are scaled to a mean intensity of 1 per pixel, and the probe with
// them, so that floors and dampings mean the same for every experiment.
type state struct {
	options Options
	canvas  canvas
	n       int
	x, y    []float64

	patterns []float32 // (M, N, N), scaled
	measured []bool    // (N*N), pixels that count; nil: all
	scale    float64   // what the patterns were multiplied by
	power    float64   // of all patterns where they count, scaled

	object           *plane
	probeRe, probeIm *ndarray.Float32 // (K, N, N)
	given            centroid         // where the probe was centred when it came
	places           *places          // nil: positions are as given
	begun            bool             // the object is more than empty: the probe may move at once
}

func newState(p Problem, o Options) (*state, error) {
	n, margin := p.Patterns.Shape[1], 0
	if o.Positions {
		margin = positionReach
	}
	s := &state{
		options: o, n: n, x: append([]float64(nil), p.X...), y: append([]float64(nil), p.Y...),
		canvas: newCanvas(p.X, p.Y, n, margin), patterns: make([]float32, len(p.Patterns.Data)),
	}
	for _, d := range p.Patterns.Data {
		s.power += float64(d) * float64(d)
	}
	if !(s.power > 0) {
		return nil, &badinput.Error{Key: "diff3d", Found: "patterns that are zero everywhere", Expected: "some light"}
	}
	s.scale = math.Sqrt(float64(len(p.Patterns.Data)) / s.power)
	for i, d := range p.Patterns.Data {
		s.patterns[i] = d * float32(s.scale)
	}
	s.power *= s.scale * s.scale
	if s.measured = p.Measured; s.measured != nil {
		s.leaveOut()
	}
	if o.Positions {
		s.places = newPlaces(s)
	}
	s.layObject(p)
	if err := s.layProbe(p.Probe); err != nil {
		return nil, err
	}
	return s, nil
}

// leaveOut darkens the pixels that do not count; the graph darkens the modelled ones.
func (s *state) leaveOut() {
	s.power = 0
	for i, d := range s.patterns {
		if !s.measured[i%len(s.measured)] {
			s.patterns[i] = 0
			continue
		}
		s.power += float64(d) * float64(d)
	}
}

// layObject begins with the object given, and with nothing where there is none.
func (s *state) layObject(p Problem) {
	s.object = newPlane(s.canvas.height, s.canvas.width)
	for i := range s.object.re {
		s.object.re[i] = 1
	}
	if p.Object == nil {
		return
	}
	s.begun = true
	height, width := p.Object.Shape[0], p.Object.Shape[1]
	for r := range s.canvas.height {
		for c := range s.canvas.width {
			row, col := r+s.canvas.row-p.Row, c+s.canvas.col-p.Col
			if row < 0 || row >= height || col < 0 || col >= width {
				continue
			}
			if v := p.Object.Data[row*width+col]; v != 0 { // 0 is written where nothing was seen
				s.object.re[r*s.canvas.width+c], s.object.im[r*s.canvas.width+c] = real(v), imag(v)
			}
		}
	}
}

// layProbe begins with the modes given, as many as there are, and makes the others of the first.
func (s *state) layProbe(probe *ndarray.Complex64) error {
	size := s.n * s.n
	given := len(probe.Data) / size
	if given < 1 || given*size != len(probe.Data) {
		return fmt.Errorf("a probe of shape %v for patterns of %d pixels", probe.Shape, s.n)
	}
	s.probeRe, s.probeIm = ndarray.New[float32](s.options.Modes, s.n, s.n), ndarray.New[float32](s.options.Modes, s.n, s.n)
	for i := range min(len(s.probeRe.Data), len(probe.Data)) {
		s.probeRe.Data[i], s.probeIm.Data[i] = real(probe.Data[i]), imag(probe.Data[i])
	}
	if given < s.options.Modes {
		s.addModes(given)
	}
	s.scaleProbe()
	s.given = s.centroid()
	return nil
}

// movesPlaces tells whether positions move in a pass.
func (s *state) movesPlaces(number int) bool {
	return s.places != nil && (number >= positionsFrom || s.begun)
}

// pattern is the measured amplitude of pattern m, (N, N).
func (s *state) pattern(m int) []float32 { return s.patterns[m*s.n*s.n : (m+1)*s.n*s.n] }

// light is sum_k |P_k|^2, (N, N), and its largest value.
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

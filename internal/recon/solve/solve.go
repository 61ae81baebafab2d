// Package solve finds object and probe of a scan by iteration, from nothing or from what a network has made of it. The nouns: a
// Problem is patterns, positions and where to begin; a step is the graph of internal/graph/forward that gives misfit and gradients
// of a few patterns; a method turns the gradients of a batch into a change of object and probe.
//
// There are two methods. LSQML is that of Odstrcil, Menzel and Guizar-Sicairos (Opt. Express 26, 3108, 2018): the patterns of a
// batch agree on one direction for the object and one for the probe, and least squares says how far to go along both. EPIE is
// that of Maiden and Rodenburg (Ultramicroscopy 109, 1256, 2009): one pattern after the other.
//
// Patches are cut and laid at whole pixels here, in plain Go; everything with the physics in it is the graph, which an engine
// runs. The subpixel rest of a position moves the probe, as in training, and the object is never interpolated.
package solve

import (
	"context"
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/engine"
)

// Method is how gradients become steps.
type Method string

// The methods.
const (
	LSQML Method = "lsqml"
	EPIE  Method = "epie"
)

// UnmarshalText reads a method from a flag.
func (m *Method) UnmarshalText(text []byte) error {
	switch Method(text) {
	case LSQML, EPIE:
		*m = Method(text)
		return nil
	}
	return fmt.Errorf("found %q, expected lsqml or epie", text)
}

// Likelihood is what the modelled patterns are compared by.
type Likelihood string

// The likelihoods.
const (
	Amplitude Likelihood = "amplitude" // Gaussian noise of equal strength on the amplitudes: counts above a few
	Poisson   Likelihood = "poisson"
)

// UnmarshalText reads a likelihood from a flag.
func (l *Likelihood) UnmarshalText(text []byte) error {
	switch Likelihood(text) {
	case Amplitude, Poisson:
		*l = Likelihood(text)
		return nil
	}
	return fmt.Errorf("found %q, expected amplitude or poisson", text)
}

// Options say how a problem is to be solved.
type Options struct {
	Method     Method
	Likelihood Likelihood
	Passes     int    // over the data, at most
	BatchSize  int    // patterns that agree on a step of LSQML; 0: an eighth of the scan at first, all in the end
	Modes      int    // incoherent modes of the probe, K
	Positions  bool   // positions are unknown, too
	Seed       uint64 // of the order of the patterns
	Threads    int
}

// Defaults are the usual options, for the given number of passes.
func Defaults(passes int) Options {
	return Options{Method: LSQML, Likelihood: Amplitude, Passes: passes, Modes: 1}
}

// MaxModes is more than any source needs.
const MaxModes = 16

// Check refuses options that make no sense; the keys are those of the flags.
func (o Options) Check() error {
	fault := func(key string, found any, expected string) error {
		return &badinput.Error{Key: key, Found: fmt.Sprint(found), Expected: expected}
	}
	switch {
	case o.Passes < 1:
		return fault("--iterations", o.Passes, "1 or more")
	case o.BatchSize < 0:
		return fault("--batch-size", o.BatchSize, "0 (by the size of the scan) or more")
	case o.Modes < 1 || o.Modes > MaxModes:
		return fault("--modes", o.Modes, fmt.Sprintf("1 to %d", MaxModes))
	}
	return nil
}

// Problem is what is known of a scan, and where to begin.
type Problem struct {
	Patterns *ndarray.Float32   // (M, N, N), amplitudes in roots of counts, zero frequency at [N/2, N/2]
	Measured []bool             // (N*N), pixels of the patterns that count; nil: all
	X, Y     []float64          // (M), patch centres in object pixels
	Probe    *ndarray.Complex64 // (N, N), or (K, N, N) modes; any power
	Object   *ndarray.Complex64 // (H, W) to begin with; nil: empty
	Row, Col int                // of Object[0, 0] in the scan's frame
}

// Pass is what is told of a pass over the data.
type Pass struct {
	Number   int
	Residual float64 // sum (|F| - d)^2 / sum d^2, as the pass met it
	Batches  int     // steps of the pass
}

// Solution is object and probe.
type Solution struct {
	Object   *ndarray.Complex64 // (H, W) over all patches; 0 where none lies
	Row, Col int                // of Object[0, 0] in the scan's frame
	Probe    *ndarray.Complex64 // (K, N, N), in the units of the patterns; the modes are orthogonal, the strongest first
	Coverage *ndarray.Float32   // (H, W), light that each pixel has seen, in patches at the probe's peak
	Spread   *ndarray.Float32   // (H, W), how far what single patterns ask for is from the object
	X, Y     []float64          // (M), refined if that was asked for
	History  []Pass
	Residual float64 // of what is returned
	Device   string
}

// Run solves a problem. progress is told of each pass. If ctx is done early its error is returned.
func Run(ctx context.Context, p Problem, o Options, e engine.Engine, progress func(Pass)) (*Solution, error) {
	s, err := newState(p, o)
	if err != nil {
		return nil, err
	}
	m, err := newMethod(s, e)
	if err != nil {
		return nil, err
	}
	solution, err := s.iterate(ctx, m, progress)
	if closeErr := m.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	solution.Device = e.Device()
	return solution, nil
}

// method makes a pass over the data.
type method interface {
	// pass visits every pattern once and returns what it met.
	pass(ctx context.Context, number int) (met, error)
	// settled hears of the likelihood that a pass met and tells whether the method has nothing more to gain.
	settled(loss float64) bool
	// moved hears that object and probe were moved together, by whole pixels.
	moved(rows, cols int)
	// stepper runs the graph for the last look at the solution.
	stepper() *stepper
	close() error
}

// met is what a pass met.
type met struct {
	misfit  float64 // sum (|F| - d)^2 over all patterns
	loss    float64 // the likelihood that is minimised
	batches int
}

// add counts a run of the graph.
func (m *met) add(a *stepArrays) {
	m.misfit += float64(a.misfit.Data[0])
	m.loss += float64(a.loss.Data[0])
}

func newMethod(s *state, e engine.Engine) (method, error) {
	switch s.options.Method {
	case LSQML:
		return newLSQML(s, e)
	case EPIE:
		return newEPIE(s, e)
	}
	return nil, fmt.Errorf("unknown method %q", s.options.Method)
}

// iterate makes passes until the method has settled or Passes are made.
func (s *state) iterate(ctx context.Context, m method, progress func(Pass)) (*Solution, error) {
	solution := &Solution{X: s.x, Y: s.y}
	for number := 1; number <= s.options.Passes; number++ {
		found, err := m.pass(ctx, number)
		if err != nil {
			return nil, err
		}
		residual := found.misfit / s.power
		if math.IsNaN(residual) || math.IsInf(residual, 0) {
			return nil, fmt.Errorf("pass %d: the residual is %v: look for bad pixels in the patterns, or begin with another probe", number, residual)
		}
		if s.places != nil {
			s.places.noise = found.misfit / float64(len(s.patterns))
		}
		s.keepPower()
		m.moved(s.centre())
		pass := Pass{Number: number, Residual: residual, Batches: found.batches}
		solution.History = append(solution.History, pass)
		progress(pass)
		if m.settled(found.loss) {
			break
		}
	}
	return solution, s.finish(ctx, m.stepper(), solution)
}

// Overlaps tells whether the object to begin with has a pixel under the patches of n x n pixels.
func (p Problem) Overlaps(n int) bool {
	c := newCanvas(p.X, p.Y, n, 0)
	return p.Row < c.row+c.height && p.Row+p.Object.Shape[0] > c.row && p.Col < c.col+c.width && p.Col+p.Object.Shape[1] > c.col
}

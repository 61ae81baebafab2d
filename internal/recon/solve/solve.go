// Package solve finds the object and the probe of a scan by iteration, from an empty object or from the one that a
// network made. A Problem is the patterns, their positions and the start; a method turns the misfit of patterns into
// changes of object and probe; a Solution is the result. Calibrate fits the probe alone, before a network is trained.
//
// There are two methods. LSQML is that of Odstrcil, Menzel and Guizar-Sicairos (Opt. Express 26, 3108, 2018): each
// batch of patterns gives one direction for the object and one for the probe, and least squares gives the step lengths.
// It runs the graph of internal/graph/forward on an engine. EPIE is that of Maiden and Rodenburg (Ultramicroscopy 109,
// 1256, 2009): one pattern after the other, with fast Fourier transforms in Go.
//
// Patches lie at whole pixels of the object. The subpixel part of a position shifts the probe, as in training, so that
// the object is never interpolated.
package solve

import (
	"context"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/engine"
)

// Options control a solver.
type Options struct {
	Method     Method
	Likelihood Likelihood
	Passes     int  // over the data, at most
	BatchSize  int  // patterns per update of LSQML; 0: an eighth of the scan at first, all in the end
	Modes      int  // incoherent modes of the probe, K
	Positions  bool // refine the positions too
	// Joint solves for the moves of all positions and the object together, once a pass has one batch; see joint.
	Joint bool
	// KeepStretch leaves scale, rotation and shear of the positions as they are.
	KeepStretch bool
	// The probe may vary from pattern to pattern, with LSQML: by a factor, and by so many variable modes.
	Flicker    bool
	Background bool // find an intensity that adds to all patterns, with LSQML
	OPR        int
	Freeze     Freeze
	Smooth     float64 // strength S of the object's prior exp(-S TV), with LSQML; 0: none
	// ProbeSupport is the diameter of the circle outside which the probe is 0, as a share of N; 0: none.
	ProbeSupport float64
	Seed         uint64 // of the order of the patterns
	Threads      int
	Resume       string // file of a state to continue from; empty: none
	Checkpoint   string // file for the state after the passes; empty: none
	SaveEvery    int    // passes after which the state is saved to Checkpoint, too; 0: only after the last
}

// Defaults are the usual options, for the given number of passes.
func Defaults(passes int) Options {
	return Options{Method: LSQML, Likelihood: Amplitude, Passes: passes, Modes: 1}
}

// MaxModes is more than any source needs.
const MaxModes = 16

// Check refuses options that make no sense. The keys of its errors are those of the flags.
func (o Options) Check() error {
	fault := func(key string, found any, expected string) error {
		return &badinput.Error{Key: key, Found: fmt.Sprint(found), Expected: expected}
	}
	switch {
	case o.Passes < 1:
		return fault("--iterations", o.Passes, "1 or more")
	case o.BatchSize < 0:
		return fault("--batch-size", o.BatchSize, "0 (by the size of the scan) or more")
	case o.SaveEvery < 0:
		return fault("--save-every", o.SaveEvery, "0 (only at the end) or a number of passes")
	case o.Modes < 1 || o.Modes > MaxModes:
		return fault("--modes", o.Modes, fmt.Sprintf("1 to %d", MaxModes))
	case !(o.Smooth >= 0) || math.IsInf(o.Smooth, 0):
		return fault("--smooth", o.Smooth, "0 (none) or more")
	case o.Background && o.Method != LSQML:
		return fault("--method", o.Method, "lsqml, the only method that takes --background")
	case o.Smooth > 0 && o.Method != LSQML:
		return fault("--method", o.Method, "lsqml, the only method that takes --smooth")
	case !(o.ProbeSupport >= 0 && o.ProbeSupport <= 1):
		return fault("--probe-support", o.ProbeSupport, "a share of the pattern's side, 0 (none) to 1")
	case o.OPR < 0 || o.OPR > MaxModes:
		return fault("--opr", o.OPR, fmt.Sprintf("0 (none) to %d", MaxModes))
	case o.Method != LSQML && (o.OPR > 0 || o.Flicker):
		return fault("--method", o.Method, "lsqml, the only method for a probe that varies")
	}
	return nil
}

// Problem is a scan and the start of the iteration.
type Problem struct {
	Patterns Patterns           // (M, N, N), see Amplitudes
	Measured []bool             // (N*N), pixels of the patterns that count; nil: all
	X, Y     []float64          // (M), patch centres in object pixels
	GivenX   []float64          // (M), of the scan, which X replaces; nil: X is as given
	GivenY   []float64          // (M), likewise
	Probe    *ndarray.Complex64 // (N, N), or modes (K, N, N); any power
	// FoundProbe is (N, N), the result of a search for the probe, with which the run started; nil: none. GivenProbe is
	// that of the scan, which it replaced; nil: the scan has none.
	FoundProbe, GivenProbe *ndarray.Complex64
	Object                 *ndarray.Complex64 // (H, W) at the start; nil: 1 everywhere
	Row, Col               int                // of Object[0, 0] in the scan's frame
	Start                  string             // kind of Object for a saved state; empty: none, or that of ptyx refine

	// An earlier run may have overwritten the object or the probe that it started from. A resumed run then accepts a
	// state that started from another one.
	ObjectOverwritten, ProbeOverwritten bool
}

// Overlaps reports whether Object has a pixel under the patches of n x n pixels.
func (p Problem) Overlaps(n int) bool {
	object := frame.Box{Top: p.Row, Left: p.Col, Bottom: p.Row + p.Object.Shape[0], Right: p.Col + p.Object.Shape[1]}
	return object.Overlaps(frame.Cover(p.X, p.Y, n))
}

// Pass is the progress of one pass over the data.
type Pass struct {
	Number   int
	Residual float64 // sum (|F| - d)^2 / sum d^2, each pattern before its update
	Batches  int     // updates in the pass
	Diverged bool    // the pass is undone; the next starts from the best state with half the steps
	Unsaved  error   // of saving the state after this pass; nil: it was saved, or was not to be
}

// Solution is object and probe.
type Solution struct {
	Object   *ndarray.Complex64 // (H, W) over all patches; 0 where none lies
	Row, Col int                // of Object[0, 0] in the scan's frame
	Probe    *ndarray.Complex64 // (K, N, N), in the units of the patterns; orthogonal modes, the strongest first
	Coverage *ndarray.Float32   // (H, W), illumination of each pixel, in patches at the probe's peak
	Spread   *ndarray.Float32   // (H, W), how far the object of each single pattern is from the object
	X, Y     []float64          // (M), refined with Options.Positions
	History  []Pass             // without those that diverged
	Resumed  int                // passes of History that an earlier run made
	Residual float64            // of this object and probe
	// Residuals are sum (|F| - d)^2 / sum d^2 of each pattern, (M); 0 for a pattern without light, which does not
	// count.
	Residuals []float64
	// Weights are (M, 1+V) with Options.Flicker or OPR = V; otherwise nil. The modes of pattern m are Weights[m, 0]
	// times Probe, and the first one also the sum of Weights[m, v] Variable[v-1]. With OPR, the first mode is not
	// orthogonal to the others.
	Weights    *ndarray.Float32
	Background *ndarray.Float32   // (N, N) with Options.Background, in counts
	Variable   *ndarray.Complex64 // (V, N, N), in the units of the patterns; orthogonal, the strongest first; nil: none
	Device     string             // that made the passes: ONNX Runtime's name of the provider, or "Go"
	Fallback   string             // why the CPU made them although auto found CUDA; empty: it did not
}

// Run solves a problem and reports each pass to progress. The solution is the state with the lowest residual. If ctx is
// done early, Run returns its error, and with it the solution so far, or nil before the end of the first pass. A solver
// that diverges goes back to its best state and halves its steps; if this does not help, Run returns an error alone.
//
// With Options.Checkpoint, Run saves its state after the last pass and when ctx is done. If that fails, Run returns
// *Unsaved and the solution. If saving between two passes fails, Run reports it with the pass and continues. A run with
// Options.Resume continues from such a state, and ends with the bytes of a run that never stopped. If that run began
// with a probe or positions that were found, call Restore before Run. All faults of the state's file are
// *badinput.Error. EPIE needs no engine, so e may be nil.
func Run(ctx context.Context, p Problem, o Options, e engine.Engine, progress func(Pass)) (*Solution, error) {
	row, ok := methods[o.Method]
	if !ok {
		return nil, fmt.Errorf("unknown method %q", o.Method)
	}
	var k keeper
	var digests errgroup.Group // of all patterns, while the method is prepared
	digests.Go(func() (err error) {
		k, err = newKeeper(p, o)
		return err
	})
	s, m, err := prepare(p, o, row.new, e)
	if failed := digests.Wait(); err == nil && failed != nil {
		err = errors.Join(failed, m.close())
	}
	if err != nil {
		return nil, err
	}
	solution, err := s.run(ctx, m, k, progress)
	if closed := m.close(); closed != nil {
		return nil, errors.Join(err, closed)
	}
	if solution != nil {
		solution.Device = "Go"
		if row.onEngine {
			solution.Device, solution.Fallback = e.Device(), e.Fallback()
		}
	}
	return solution, err
}

// prepare makes the state of a problem, and its method.
func prepare(
	p Problem, o Options, newMethod func(*state, engine.Engine) (method, error), e engine.Engine,
) (*state, method, error) {
	s, err := newState(p, o)
	if err != nil {
		return nil, nil, err
	}
	m, err := newMethod(s, e)
	if err != nil {
		return nil, nil, err
	}
	return s, m, nil
}

// run makes the passes and finishes the best state.
func (s *state) run(ctx context.Context, m method, k keeper, progress func(Pass)) (*Solution, error) {
	g := newGuard(s)
	if err := k.load(g); err != nil {
		return nil, err
	}
	resumed := len(s.history)
	err := s.solve(ctx, m, g, k, progress)
	if err != nil {
		if ctx.Err() == nil || len(s.history) == 0 {
			return nil, err
		}
		g.undo() // the pass was cut short
	}
	err = errors.Join(err, k.save(g)) // before finish, which turns the modes
	g.forget()
	solution, failed := g.finish(m)
	if failed != nil {
		return nil, errors.Join(failed, err)
	}
	solution.History, solution.Resumed = s.history, resumed
	return solution, err
}

// solve makes passes until the method has converged or all Passes are made.
func (s *state) solve(ctx context.Context, m method, g *guard, k keeper, progress func(Pass)) error {
	for s.passes < s.options.Passes && !s.converged {
		number := s.passes + 1
		g.begin()
		m.start(number)
		pass, loss, err := s.runPass(ctx, m, number)
		if err != nil {
			return err
		}
		s.passes = number
		if pass.Diverged = g.diverged(pass.Residual); pass.Diverged {
			progress(pass)
			if err := g.goBack(pass); err != nil {
				return err
			}
			m.restart()
			continue
		}
		g.keep(pass.Residual)
		if s.movesObject(number) {
			m.shifted(s.centreProbe())
		}
		s.history = append(s.history, pass)
		s.converged = m.converged(loss) && !s.options.Freeze.ends(number, s.options.Passes)
		if s.options.Freeze.ends(number, number) {
			s.memory.losses = s.memory.losses[:0] // what moves next begins a new history
		}
		if every := s.options.SaveEvery; every > 0 && number%every == 0 {
			pass.Unsaved = k.save(g)
		}
		progress(pass)
	}
	return nil
}

// runPass makes one pass, then removes the factor that object and probe may trade freely.
func (s *state) runPass(ctx context.Context, m method, number int) (pass Pass, loss float64, err error) {
	sum, err := m.pass(ctx, number)
	if err != nil {
		return Pass{}, 0, err
	}
	s.noise = sum.squares / float64(s.pixels())
	if s.varies(number) {
		s.variation.normalise()
	}
	if s.offset != nil {
		s.offset.apply(number)
	}
	s.clip(s.probeRe.Data, s.probeIm.Data)
	if s.movesObject(number) { // a frozen object fixes the power of the probe
		s.keepPower()
	}
	return Pass{Number: number, Residual: sum.squares / s.power, Batches: sum.updates}, sum.loss, nil
}

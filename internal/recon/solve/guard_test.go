package solve

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/simulate"
)

// misplaced is a noisy scan whose positions are wrong by 7 pixels RMS, and options with which LSQML diverges on it.
func misplaced(t *testing.T) (Problem, Options) {
	t.Helper()
	data, err := simulate.Run(t.Context(), simulate.Options{
		N: 64, Object: simulate.Star, Absorption: 0.5, Phase: 2, Probe: simulate.Gaussian, ProbeSize: 13,
		Scan: simulate.Raster, Count: 40, Step: 4, Photons: 1e3, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	p := Problem{Patterns: Amplitudes{data.Patterns}, Probe: data.Probe}
	p.X, p.Y = slices.Clone(data.X), slices.Clone(data.Y)
	rng := rand.New(rand.NewPCG(1, 7))
	for i := range p.X {
		p.X[i] += 7 / math.Sqrt2 * rng.NormFloat64()
		p.Y[i] += 7 / math.Sqrt2 * rng.NormFloat64()
	}
	o := usual()
	o.Passes, o.Modes, o.Positions, o.BatchSize, o.Seed = 12, 3, true, 1, 1
	o.Freeze.Probe = 1 // with a probe that moves at once, no pass diverges
	return p, o
}

// TestWrongPositionsDoNotDiverge: without a limit of the steps and a way back, pass 6 has a residual of 2e15 here, and
// the solution one of 4e17.
func TestWrongPositionsDoNotDiverge(t *testing.T) {
	p, o := misplaced(t)
	s := solved(t, p, o)
	last := s.History[len(s.History)-1].Residual
	t.Logf("residual %.4g after a last pass of %.4g", s.Residual, last)
	if !s.finite() || !(s.Residual <= last) || !(slices.Max(residuals(s)) < 1) {
		t.Errorf("residual %v, of the passes %v", s.Residual, residuals(s))
	}
}

// runMethod runs a method made from LSQML.
func runMethod(t *testing.T, p Problem, o Options, of func(*lsqml) method, progress func(Pass)) *Solution {
	t.Helper()
	s, err := newState(p, o)
	if err != nil {
		t.Fatal(err)
	}
	step, err := newStepper(s, fast(t, o.Threads))
	if err != nil {
		t.Fatal(err)
	}
	defer step.close()
	solution, err := s.run(t.Context(), of(newLSQML(s, step)), keeper{}, progress)
	if err != nil {
		t.Fatal(err)
	}
	return solution
}

// burst is LSQML that diverges in one pass.
type burst struct{ *lsqml }

func (m burst) pass(ctx context.Context, number int) (misfits, error) {
	if number == 6 {
		scale(m.object.re, 1e6)
	}
	return m.lsqml.pass(ctx, number)
}

// TestDivergenceGoesBackToTheBestState, and from there with half the steps to the same solution.
func TestDivergenceGoesBackToTheBestState(t *testing.T) {
	p, truth := simulated(t, 40, 1e6)
	o := usual()
	o.Positions = true
	want := solved(t, p, o)
	var diverged []int
	s := runMethod(t, p, o, func(m *lsqml) method { return burst{m} }, func(pass Pass) {
		if pass.Diverged {
			diverged = append(diverged, pass.Number)
		}
	})
	t.Logf("residual %.4g, undisturbed %.4g", s.Residual, want.Residual)
	if !slices.Equal(diverged, []int{6}) || !(slices.Max(residuals(s)) < 0.1) {
		t.Errorf("passes %v diverged; residuals %v", diverged, residuals(s))
	}
	if !(s.Residual < 1.2*want.Residual) || !(correlation(t, s, truth) > 0.98*correlation(t, want, truth)) {
		t.Errorf("residual %v, undisturbed %v", s.Residual, want.Residual)
	}
}

// spoiler is LSQML whose last pass ends with an object that is too strong.
type spoiler struct{ *lsqml }

func (m spoiler) pass(ctx context.Context, number int) (misfits, error) {
	sum, err := m.lsqml.pass(ctx, number)
	if number == m.options.Passes {
		scale(m.object.re, 1.05)
		scale(m.object.im, 1.05)
	}
	return sum, err
}

// TestTheStateOfTheLowestResidualIsTheSolution: the state before a bad last pass is the solution, to the byte.
func TestTheStateOfTheLowestResidualIsTheSolution(t *testing.T) {
	p, _ := simulated(t, 40, 1e6)
	run := func(passes int, of func(*lsqml) method) *Solution {
		o := usual()
		o.Passes = passes
		return runMethod(t, p, o, of, func(Pass) {})
	}
	want := run(9, func(m *lsqml) method { return m })
	got := run(10, func(m *lsqml) method { return spoiler{m} })
	if !slices.Equal(got.Object.Data, want.Object.Data) || got.Residual != want.Residual || len(got.History) != 10 {
		t.Errorf("residual %v after %d passes, %v before the last", got.Residual, len(got.History), want.Residual)
	}
}

// runaway is a method that never converges.
type runaway struct{ *epie }

func (m runaway) pass(context.Context, int) (misfits, error) {
	scale(m.object.re, 1e30)
	m.x[0] += 3
	return misfits{squares: math.Inf(1)}, nil
}

// TestAHopelessSolverIsAnError that says so, with no solution, after it has tried all smaller steps.
func TestAHopelessSolverIsAnError(t *testing.T) {
	p, _ := simulated(t, 4, 1e6)
	s, err := newState(p, usual())
	if err != nil {
		t.Fatal(err)
	}
	var starts [][]float32
	g := newGuard(s)
	err = s.solve(t.Context(), runaway{newEPIE(s)}, g, keeper{}, func(pass Pass) {
		if !pass.Diverged {
			t.Errorf("pass %d counts", pass.Number)
		}
		starts = append(starts, slices.Clone(g.before.unknowns.object[0]))
	})
	if err == nil || len(s.history) != 0 || !strings.Contains(err.Error(), "diverges") {
		t.Errorf("error %v, %d passes", err, len(s.history))
	}
	if len(starts) != 7 {
		t.Errorf("%d attempts, want those with all steps from 1 to 1/64", len(starts))
	}
	for i, start := range starts {
		if !slices.Equal(start, starts[0]) {
			t.Errorf("attempt %d does not start from the best state", i)
		}
	}
}

// TestAnInterruptedSolverHasTheStateOfItsLastPass, as if that pass had been its last.
func TestAnInterruptedSolverHasTheStateOfItsLastPass(t *testing.T) {
	p, _ := simulated(t, 40, 1e6)
	for _, method := range []Method{LSQML, EPIE} {
		o := usual()
		o.Method, o.Positions, o.Passes = method, true, 7
		want := solved(t, p, o)
		ctx, cancel := context.WithCancel(t.Context())
		o.Passes = 60
		got, err := Run(ctx, p, o, fast(t, o.Threads), func(pass Pass) {
			if pass.Number == 7 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || got == nil {
			t.Fatalf("%s: solution %v, error %v", method, got, err)
		}
		if len(got.History) != 7 || !slices.Equal(got.Object.Data, want.Object.Data) ||
			!slices.Equal(got.X, want.X) || got.Residual != want.Residual || got.Device != want.Device {
			t.Errorf("%s: %d passes, residual %v, want %v", method, len(got.History), got.Residual, want.Residual)
		}
	}
}

// TestNumbersThatAreNotFiniteAreFound in every array of a solution.
func TestNumbersThatAreNotFiniteAreFound(t *testing.T) {
	bad := float32(math.NaN())
	for name, spoil := range map[string]func(*Solution){
		"object":   func(s *Solution) { s.Object.Data[3] = complex(0, bad) },
		"probe":    func(s *Solution) { s.Probe.Data[3] = complex(bad, 0) },
		"coverage": func(s *Solution) { s.Coverage.Data[3] = float32(math.Inf(1)) },
		"spread":   func(s *Solution) { s.Spread.Data[3] = bad },
		"x":        func(s *Solution) { s.X[1] = math.Inf(-1) },
		"y":        func(s *Solution) { s.Y[1] = math.NaN() },
		"residual": func(s *Solution) { s.Residual = math.Inf(1) },
	} {
		s := &Solution{
			Object: ndarray.New[complex64](2, 2), Probe: ndarray.New[complex64](1, 2, 2),
			Coverage: ndarray.New[float32](2, 2), Spread: ndarray.New[float32](2, 2),
			X: make([]float64, 2), Y: make([]float64, 2),
		}
		if !s.finite() {
			t.Fatal("a finite solution is refused")
		}
		if spoil(s); s.finite() {
			t.Errorf("%s: not found", name)
		}
	}
}

// TestPatternsWithoutLightDoNotCount: a beam that was off demands no opaque object.
func TestPatternsWithoutLightDoNotCount(t *testing.T) {
	p, truth := simulated(t, 150, 1e6)
	for i := range amplitudesOf(p).Data {
		if i/(64*64)%2 == 0 {
			amplitudesOf(p).Data[i] = 0
		}
	}
	for _, method := range []Method{LSQML, EPIE} {
		o := usual()
		o.Method, o.Passes = method, 25
		s := solved(t, p, o)
		if got := correlation(t, s, truth); !(got > 0.95) { // 0.99 and 0.96; 0.2 with the dark ones
			t.Errorf("%s: correlation %.4f", method, got)
		}
		if s.Residuals[0] != 0 || !(s.Residuals[1] > 0) {
			t.Errorf("%s: residuals %v", method, s.Residuals[:2])
		}
	}
}

package solve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
)

// CalibrationPatterns is the largest number of patterns of N x N pixels in a calibration: 256, and fewer above 128
// pixels, where a pattern costs much. The probe has far fewer unknowns than they have pixels, and a calibration costs
// the same for every scan.
func CalibrationPatterns(n int) int { return min(256, max(64, 1<<15/n)) }

// CalibrationPasses are the usual ones. Further passes gain little (docs/dev/decisions.md).
const CalibrationPasses = 16

// leastCalibrated is the number of patterns with light below which any probe explains them: with 9 dense patterns a
// fitted probe makes the objects of the general network worse, with 16 better (docs/dev/decisions.md).
const leastCalibrated = 16

// Calibration is the probe that fits a scan.
type Calibration struct {
	Probe    *ndarray.Complex64 // (N, N), in the units of the patterns
	Focus    float64            // radians that were added to its far field first, as optics.Defocus has them
	Common   float64            // CommonLight of the probe in this focus and the patterns with light
	Kept     bool               // only the focus may differ from the given probe: the patterns cannot tell more
	Residual float64            // sum (|F| - d)^2 / sum d^2 in the last pass, before its updates; NaN if it was kept

	given *optics.Defocus // the given probe, if its focus changed
}

// Calibrate fits the probe to the patterns of a Problem. A probe comes from a model of the optics or from an earlier
// experiment, and is often wrong by a defocus; a network trained with it would explain the difference as object. So
// Calibrate finds its focus first. Then LSQML fits all of it, in at most so many passes in which probe and object are
// both unknown. Calibrate keeps the probe alone. If it finds another focus, it calibrates the given probe, too, where
// patterns have enough light in common behind that one, and takes the probe that explains the patterns better.
//
// The given probe stays if there are fewer than 16 patterns. Only its focus changes if they have less than
// LeastCommonLight in common: a fitted one would follow the object, and explain the patterns better even if the given
// one is right. The result does not depend on the number of threads.
func Calibrate(
	ctx context.Context, p Problem, passes int, seed uint64, threads int, e engine.Engine,
) (*Calibration, error) {
	s, err := calibrating(p, passes, seed, threads)
	if err != nil {
		return nil, err
	}
	c := &Calibration{Probe: p.Probe, Common: s.commonLight(p.Probe), Residual: math.NaN()}
	if c.Kept = passes < 1 || len(s.lit) < leastCalibrated; c.Kept {
		return c, nil
	}
	commonAsGiven := c.Common
	dense := commonAsGiven >= LeastCommonLight
	if c.Focus, err = findFocus(ctx, s.middle(p, focusPatterns(s.n)), dense, seed, threads, e); err != nil {
		return nil, fmt.Errorf("finding the focus of the probe: %w", err)
	}
	if c.Focus != 0 {
		c.given = optics.NewDefocus(p.Probe)
		c.Probe = c.given.Probe(c.Focus)
		s.setProbe(c.Probe)
		c.Common = s.commonLight(c.Probe)
	}
	challenged := c.Focus != 0 && dense
	if c.Kept = c.Common < LeastCommonLight; c.Kept {
		if !challenged {
			return c, nil
		}
		s.options.Freeze.Probe = always
	}
	c.Residual, err = s.calibrate(ctx, e, func(Pass) {})
	if !c.Kept {
		c.Probe = s.firstMode()
	}
	if challenged && (err == nil || errors.Is(err, ErrDiverged)) {
		given, fault := calibrating(p, passes, seed, threads)
		if fault != nil {
			return nil, fault
		}
		err = c.challenge(ctx, rival{given, commonAsGiven}, s, err, e)
	}
	switch {
	case c.Kept && (err == nil || errors.Is(err, ErrDiverged)):
		c.Residual, err = math.NaN(), nil
	case errors.Is(err, ErrDiverged):
		err = errors.New("the calibration diverges: check the patterns for bad pixels, and the probe; " +
			"--probe-passes 0 keeps it as given")
	}
	return c, err
}

// calibrating is the state of a calibration, or of a trial for one.
func calibrating(p Problem, passes int, seed uint64, threads int) (*state, error) {
	o := Defaults(passes)
	o.Seed, o.Threads = seed, max(1, threads)
	s, err := newState(p, o)
	if err != nil {
		return nil, err
	}
	s.portable = true
	return s, nil
}

// commonLight is the CommonLight of a probe and the patterns with light.
func (s *state) commonLight(probe *ndarray.Complex64) float64 {
	var x, y []float64
	for _, id := range s.lit {
		x, y = append(x, s.x[id]), append(y, s.y[id])
	}
	return CommonLight(x, y, probe)
}

// middle is the problem with at most so many patterns, those with light that are nearest to the middle of the scan.
func (s *state) middle(p Problem, count int) Problem {
	lit := p.Selected(s.lit)
	return lit.Selected(Central(lit.X, lit.Y, count))
}

// calibrate makes the passes, and returns the residual of the one whose probe it keeps.
func (s *state) calibrate(ctx context.Context, e engine.Engine, progress func(Pass)) (residual float64, err error) {
	m, err := methods[LSQML].new(s, e)
	if err != nil {
		return 0, err
	}
	g := newGuard(s)
	err = s.solve(ctx, m, g, keeper{}, progress)
	if err = errors.Join(err, m.close()); err != nil {
		return 0, err
	}
	return s.better(g), nil
}

// better goes back to the best state if the last pass had a higher residual or spoiled the probe, and returns the
// residual of the pass that it keeps.
func (s *state) better(g *guard) (residual float64) {
	residual = s.history[len(s.history)-1].Residual
	if g.best.residual < residual || !finite(optics.Power(s.firstMode())) {
		g.best.restore(s)
		residual = g.best.residual
	}
	return residual
}

// firstMode is the first mode of the probe, (N, N), in the units of the patterns.
func (s *state) firstMode() *ndarray.Complex64 {
	probe := ndarray.New[complex64](s.n, s.n)
	for q := range probe.Data {
		probe.Data[q] = complex64(s.mode(0, q) / complex(s.scale, 0))
	}
	return probe
}

// Log reports what Calibrate made of the probe of a scan. The grid tells how far away another focus is; its wavelength
// and pixel may be 0, if they are not known.
func (c *Calibration) Log(log *slog.Logger, scan string, grid optics.Sampling) {
	common := fmt.Sprintf("%.2f", c.Common)
	if c.Focus != 0 {
		more := []any{"scan", scan, "radians", fmt.Sprintf("%.2f", c.Focus)}
		if grid.Wavelength > 0 && grid.Pixel > 0 {
			more = append(more, "downstream_um", fmt.Sprintf("%.3g", 1e6*c.given.Distance(c.Focus, grid)))
		}
		log.Info("the probe explains the patterns better with another focus", more...)
	}
	if c.Kept {
		kept := "probe kept as given"
		if c.Focus != 0 {
			kept = "only the focus of the probe changes"
		}
		log.Info(kept+": the patterns are too few, or have too little light in common, for a better one",
			"scan", scan, "common_light", common)
		return
	}
	log.Info("probe calibrated", "scan", scan, "residual", fmt.Sprintf("%.4f", c.Residual), "common_light", common)
}

// Central lists the count patterns that are nearest to the middle of a scan, or all: their patches overlap with most
// others.
func Central(x, y []float64, count int) []int {
	members := upTo(len(x))
	if len(members) <= count {
		return members
	}
	middle := func(v []float64) float64 { return (slices.Min(v) + slices.Max(v)) / 2 }
	row, column := middle(y), middle(x)
	distance := func(i int) float64 { return math.Hypot(y[i]-row, x[i]-column) }
	slices.SortFunc(members, func(a, b int) int {
		return cmp.Or(cmp.Compare(distance(a), distance(b)), cmp.Compare(a, b))
	})
	return members[:count]
}

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
const CalibrationPasses = 20

// leastCalibrated is the number of patterns with light below which any probe explains them: with 9 dense patterns a
// fitted probe makes the objects of the general network worse, with 16 better (docs/dev/decisions.md).
const leastCalibrated = 16

// Calibration is the probe that fits a scan.
type Calibration struct {
	Probe    *ndarray.Complex64 // (N, N), in the units of the patterns
	Common   float64            // CommonLight of the given probe and the patterns with light
	Kept     bool               // Probe is the given one, because the patterns cannot tell a better one
	Residual float64            // sum (|F| - d)^2 / sum d^2 in the last pass, before its updates; NaN if it was kept
}

// Calibrate fits the probe to the patterns of a Problem by LSQML, at most so many passes, in which probe and object are
// both unknown. It keeps the probe alone. A probe comes from a model of the optics or from an earlier experiment, and
// is often wrong by a defocus; a network trained with it would explain the difference as object.
//
// The given probe stays if there are fewer than 16 patterns, or if they have less than LeastCommonLight in common: a
// fitted one would follow the object, and explain the patterns better even if the given one is right. The result does
// not depend on the number of threads.
func Calibrate(
	ctx context.Context, p Problem, passes int, seed uint64, threads int, e engine.Engine,
) (*Calibration, error) {
	o := Defaults(passes)
	o.Seed, o.Threads = seed, max(1, threads)
	s, err := newState(p, o)
	if err != nil {
		return nil, err
	}
	var x, y []float64
	for _, id := range s.lit {
		x, y = append(x, p.X[id]), append(y, p.Y[id])
	}
	c := &Calibration{Probe: p.Probe, Common: CommonLight(x, y, p.Probe), Residual: math.NaN()}
	if c.Kept = passes < 1 || len(x) < leastCalibrated || c.Common < LeastCommonLight; c.Kept {
		return c, nil
	}
	s.portable = true
	c.Residual, err = s.calibrate(ctx, e)
	if errors.Is(err, ErrDiverged) {
		err = errors.New("the calibration diverges: check the patterns for bad pixels, and the probe; " +
			"--probe-passes 0 keeps it as given")
	}
	c.Probe = s.firstMode()
	return c, err
}

// calibrate makes the passes, and returns the residual of the one whose probe it keeps.
func (s *state) calibrate(ctx context.Context, e engine.Engine) (residual float64, err error) {
	m, err := methods[LSQML].new(s, e)
	if err != nil {
		return 0, err
	}
	g := newGuard(s)
	err = s.solve(ctx, m, g, keeper{}, func(Pass) {})
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

// Log reports what Calibrate made of the probe of a scan.
func (c *Calibration) Log(log *slog.Logger, scan string) {
	common := fmt.Sprintf("%.2f", c.Common)
	if c.Kept {
		log.Info("probe kept as given: the patterns are too few, or have too little light in common, for a better one",
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

package solve

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/engine"
)

// CalibrationPatterns is the largest number of patterns of a calibration: the probe has far fewer unknowns than they
// have pixels, and a calibration costs the same for every scan.
const CalibrationPatterns = 256

// CalibrationPasses find the probe of all scans that were tried, with patterns enough (docs/dev/decisions.md).
const CalibrationPasses = 20

// Calibration is the probe that fits a scan.
type Calibration struct {
	Probe    *ndarray.Complex64 // (N, N), in the units of the patterns
	Common   float64            // CommonLight of the given probe
	Kept     bool               // Probe is the given one, because patterns have too little light in common
	Residual float64            // sum (|F| - d)^2 / sum d^2 of the fitted probe and its object; NaN if it was kept
}

// Calibrate fits the probe to the patterns of a Problem by LSQML, at most so many passes, in which probe and object are
// both unknown. It keeps the probe alone. A probe comes from a model of the optics or from an earlier experiment, and
// is often wrong by a defocus; a network trained with it would explain the difference as object.
//
// Where patterns have less than LeastCommonLight in common, the given probe stays: a fitted one would follow the
// object, and explain the patterns better even if the given one is right. The result does not depend on the number of
// threads.
func Calibrate(
	ctx context.Context, p Problem, passes int, seed uint64, threads int, e engine.Engine,
) (*Calibration, error) {
	c := &Calibration{Probe: p.Probe, Common: CommonLight(p.X, p.Y, p.Probe), Residual: math.NaN()}
	if c.Kept = c.Common < LeastCommonLight; c.Kept {
		return c, nil
	}
	o := Defaults(passes)
	o.Seed, o.Threads = seed, threads
	var err error
	c.Probe, c.Residual, err = fit(ctx, p, o, e)
	return c, err
}

// fit runs LSQML, and returns its probe and the residual of the last pass before its updates.
func fit(
	ctx context.Context, p Problem, o Options, e engine.Engine,
) (probe *ndarray.Complex64, residual float64, err error) {
	s, m, err := prepare(p, o, func(s *state, e engine.Engine) (method, error) {
		s.portable = true
		return methods[LSQML].new(s, e)
	}, e)
	if err != nil {
		return nil, 0, err
	}
	err = s.solve(ctx, m, newGuard(s), keeper{}, func(Pass) {})
	if closed := m.close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, 0, err
	}
	return s.firstMode(), s.history[len(s.history)-1].Residual, nil
}

// firstMode is the first mode of the probe, (N, N), in the units of the patterns.
func (s *state) firstMode() *ndarray.Complex64 {
	probe := ndarray.New[complex64](s.n, s.n)
	for q := range probe.Data {
		probe.Data[q] = complex64(s.mode(0, q) / complex(s.scale, 0))
	}
	return probe
}

// Log tells what Calibrate made of the probe of a scan.
func (c *Calibration) Log(log *slog.Logger, scan string) {
	common := fmt.Sprintf("%.2f", c.Common)
	if c.Kept {
		log.Info("probe kept as given: patterns have too little light in common to tell a better one", "scan", scan,
			"common_light", common)
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

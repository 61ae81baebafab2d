package solve

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
)

// CalibrationPatterns is the largest number of patterns of a calibration: the probe has far fewer unknowns than they
// have pixels, and a calibration costs the same for every scan.
const CalibrationPatterns = 512

// Calibration is the probe that fits a scan.
type Calibration struct {
	Probe    *ndarray.Complex64 // (N, N), in the units of the patterns
	Kept     bool               // Probe is the given one, which explains the patterns better than the fitted one
	Residual []float64          // of each pass that moved the probe, sum (|F| - d)^2 / sum d^2 before its updates
	Given    []float64          // of each pass that kept the probe as given; nil after FitProbe
}

// clearlyWorse is the ratio of residuals beyond which a fitted probe is worse than the given one. With a true probe it
// is larger; with a wrong one and few photons, noise makes it nearly 1 (docs/dev/decisions.md).
const clearlyWorse = 1.05

// Calibrate fits the probe as FitProbe does, if the scan needs it. As many passes find the object for the probe as
// given, side by side with those that move it: if they explain the patterns clearly better, the given probe is right,
// and a fitted one would only explain what the object has not explained yet (docs/dev/decisions.md).
func Calibrate(ctx context.Context, p Problem, passes int, seed uint64, scan int) (*Calibration, error) {
	moving := fit{problem: p, seed: seed, scan: scan}
	still := moving
	still.still = true
	var g errgroup.Group
	g.Go(func() error { return moving.run(ctx, passes) })
	g.Go(func() error { return still.run(ctx, passes) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	c := &Calibration{Probe: moving.probe, Residual: moving.residual, Given: still.residual}
	if last := passes - 1; last >= 0 && c.Residual[last] > clearlyWorse*c.Given[last] {
		c.Probe, c.Kept = p.Probe, true
	}
	return c, nil
}

// Log tells what Calibrate made of the probe of a scan.
func (c *Calibration) Log(log *slog.Logger, scan string) {
	what, last := "probe calibrated", len(c.Residual)-1
	if c.Kept {
		what = "probe kept as given, because no better one was found"
	}
	log.Info(what, "scan", scan, "residual", fmt.Sprintf("%.4f", c.Given[last]),
		"calibrated", fmt.Sprintf("%.4f", c.Residual[last]))
}

// FitProbe fits the probe to the patterns of a Problem by the given number of passes of ePIE, in which probe and object
// are both unknown, and keeps the probe alone. It needs no engine. A probe comes from a model of the optics or from an
// earlier experiment, and is often wrong by a defocus; a network trained with it would explain the difference as
// object.
//
// The first pass finds the object for the probe as given. The result is the mean over the second half of the passes,
// which averages the noise of single updates. Fits with another seed or number of the scan visit the patterns in other
// orders.
func FitProbe(ctx context.Context, p Problem, passes int, seed uint64, scan int) (*Calibration, error) {
	f := fit{problem: p, seed: seed, scan: scan}
	if err := f.run(ctx, passes); err != nil {
		return nil, err
	}
	return &Calibration{Probe: f.probe, Residual: f.residual}, nil
}

// fit is a number of passes that move the probe, or keep it.
type fit struct {
	problem  Problem
	seed     uint64
	scan     int
	still    bool // the probe stays as given
	residual []float64
	probe    *ndarray.Complex64
}

func (f *fit) run(ctx context.Context, passes int) error {
	s, err := newState(f.problem, Options{Likelihood: Amplitude, Modes: 1, Seed: f.seed})
	if err != nil {
		return err
	}
	m := newEPIE(s)
	m.still = f.still
	m.stream = func(pass int) *rand.Rand { return stream.New(f.seed, "solve/calibrate", f.scan, pass) }
	sum, count := make([]complex128, s.n*s.n), 0
	add := func() {
		count++
		for q := range sum {
			sum[q] += s.mode(0, q)
		}
	}
	for number := 1; number <= passes; number++ {
		m.start(number)
		pass, _, err := s.runPass(ctx, m, number)
		if err != nil {
			return err
		}
		if !finite(pass.Residual) {
			return fmt.Errorf("pass %d of the probe's calibration diverges (residual %v): check the patterns "+
				"for bad pixels, and the probe", number, pass.Residual)
		}
		f.residual = append(f.residual, pass.Residual)
		if 2*(number-1) >= passes {
			add()
		}
	}
	if count == 0 {
		add()
	}
	scale := complex(1/(s.scale*float64(count)), 0)
	f.probe = ndarray.New[complex64](s.n, s.n)
	for q, v := range sum {
		f.probe.Data[q] = complex64(v * scale)
	}
	return nil
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

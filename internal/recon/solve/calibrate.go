package solve

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
)

// CalibrationPatterns is the largest number of patterns of a calibration: the probe has far fewer unknowns than they
// have pixels, and a calibration costs the same for every scan.
const CalibrationPatterns = 512

// Calibration is the probe that fits a scan.
type Calibration struct {
	Probe    *ndarray.Complex64 // (N, N), in the units of the patterns
	Residual []float64          // of each pass, sum (|F| - d)^2 / sum d^2 before its updates
}

// Calibrate fits the probe to the patterns of a Problem by the given number of passes of ePIE, in which probe and
// object are both unknown, and keeps the probe alone. It needs no engine. A probe comes from a model of the optics or
// from an earlier experiment, and is often wrong by a defocus; a network trained with it would explain the difference
// as object.
//
// The first pass finds the object for the probe as given. The result is the mean over the second half of the passes,
// which averages the noise of single updates. Calibrations with another seed or number of the scan visit the patterns
// in other orders.
func Calibrate(ctx context.Context, p Problem, passes int, seed uint64, scan int) (*Calibration, error) {
	s, err := newState(p, Options{Likelihood: Amplitude, Modes: 1, Seed: seed})
	if err != nil {
		return nil, err
	}
	m := newEPIE(s)
	m.stream = func(pass int) *rand.Rand { return stream.New(seed, "solve/calibrate", scan, pass) }
	c := &Calibration{}
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
			return nil, err
		}
		if !finite(pass.Residual) {
			return nil, fmt.Errorf("pass %d of the probe's calibration diverges (residual %v): check the patterns "+
				"for bad pixels, and the probe", number, pass.Residual)
		}
		c.Residual = append(c.Residual, pass.Residual)
		if 2*(number-1) >= passes {
			add()
		}
	}
	if count == 0 {
		add()
	}
	scale := complex(1/(s.scale*float64(count)), 0)
	c.Probe = ndarray.New[complex64](s.n, s.n)
	for q, v := range sum {
		c.Probe.Data[q] = complex64(v * scale)
	}
	return c, nil
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

package solve

import (
	"context"
	"fmt"
	"math/rand/v2"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
)

// Fit is a probe and how well it explains the patterns.
type Fit struct {
	Probe    *ndarray.Complex64 // (N, N), in the units of the patterns
	Residual []float64          // of each pass, sum (|F| - d)^2 / sum d^2 before its updates
}

// FitProbe fits the probe to the patterns of a Problem by a few passes of ePIE, to compare probes or orientations. It
// needs no engine and computes on one thread, so that many fits can run side by side. Calibrate finds better probes.
//
// The first pass finds the object for the probe as given. The result is the mean over the second half of the passes,
// which averages the noise of single updates. Fits with another seed visit the patterns in other orders.
func FitProbe(ctx context.Context, p Problem, passes int, seed uint64) (*Fit, error) {
	s, err := newState(p, Options{Likelihood: Amplitude, Modes: 1, Seed: seed})
	if err != nil {
		return nil, err
	}
	m := newEPIE(s)
	m.stream = func(pass int) *rand.Rand { return stream.New(seed, "solve/calibrate", 0, pass) }
	f, sum, count := &Fit{}, make([]complex128, s.n*s.n), 0
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
			return nil, fmt.Errorf("pass %d of fitting the probe diverges (residual %v): check the patterns for bad "+
				"pixels, and the probe", number, pass.Residual)
		}
		f.Residual = append(f.Residual, pass.Residual)
		if 2*(number-1) >= passes {
			add()
		}
	}
	if count == 0 {
		add()
	}
	scale := complex(1/(s.scale*float64(count)), 0)
	f.Probe = ndarray.New[complex64](s.n, s.n)
	for q, v := range sum {
		f.Probe.Data[q] = complex64(v * scale)
	}
	return f, nil
}

package simulate

import (
	"context"
	"math"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
)

// each calls do for every pattern, on all cores, with the exit wave (N, N) in double precision: the probe, shifted by
// the fraction of its position, times the patch on whole pixels. do may change the wave. It stops early when ctx is
// done.
func each(ctx context.Context, d dataset.ScanData, do func(worker *optics.Propagator, j int, wave []complex128)) {
	n, count := d.Probe.Shape[0], len(d.X)
	var wait sync.WaitGroup
	workers := runtime.NumCPU()
	for worker := range workers {
		wait.Go(func() {
			propagator, wave := optics.NewPropagator(n), make([]complex128, n*n)
			for j := worker; j < count && ctx.Err() == nil; j += workers {
				for i, p := range d.Probe.Data {
					wave[i] = complex128(p)
				}
				propagator.Shift(wave, frame.Fraction(d.Y[j]), frame.Fraction(d.X[j]))
				throughPatch(wave, d.Object, frame.Pixel(d.Y[j])-n/2, frame.Pixel(d.X[j])-n/2, n)
				do(propagator, j, wave)
			}
		})
	}
	wait.Wait()
}

// throughPatch multiplies a wave (n, n) with the patch of an object whose first pixel is (row, col).
func throughPatch(wave []complex128, object *ndarray.Complex64, row, col, n int) {
	for r := range n {
		start := (row+r)*object.Shape[1] + col
		for c, v := range object.Data[start : start+n] {
			wave[r*n+c] *= complex128(v)
		}
	}
}

// light is the sum of all patterns' photons. The propagation conserves energy (Parseval), so it takes no transform.
func light(ctx context.Context, d dataset.ScanData) float64 {
	photons := make([]float64, len(d.X))
	each(ctx, d, func(_ *optics.Propagator, j int, wave []complex128) {
		for _, v := range wave {
			photons[j] += real(v)*real(v) + imag(v)*imag(v)
		}
	})
	sum := 0.0 // in a fixed order
	for _, v := range photons {
		sum += v
	}
	return sum
}

// measuredAtOnce is how many patterns are in memory at a time.
const measuredAtOnce = 64

// measure gives put the measured amplitudes in order, up to measuredAtOnce patterns (N, N) a time: the square root of
// Poisson counts, or of the intensity itself. put must not keep them.
func measure(ctx context.Context, d dataset.ScanData, o Options, put func([]float32) error) error {
	image := d.Probe.Shape[0] * d.Probe.Shape[0]
	amplitudes := make([]float32, min(measuredAtOnce, len(d.X))*image)
	for first := 0; first < len(d.X); first += measuredAtOnce {
		part := d
		last := min(first+measuredAtOnce, len(d.X))
		part.X, part.Y = d.X[first:last], d.Y[first:last]
		o.measurePart(ctx, part, first, amplitudes)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := put(amplitudes[:(last-first)*image]); err != nil {
			return err
		}
	}
	return nil
}

// measurePart measures the patterns of a part of the scan, the first of which has number first.
func (o Options) measurePart(ctx context.Context, part dataset.ScanData, first int, amplitudes []float32) {
	n := part.Probe.Shape[0]
	each(ctx, part, func(propagator *optics.Propagator, j int, wave []complex128) {
		intensity := make([]float64, n*n)
		propagator.Intensity(wave, intensity)
		source := stream.New(o.Seed, "simulate/noise", first+j)
		for i, v := range intensity {
			if !o.Noiseless && v > 0 {
				v = distuv.Poisson{Lambda: v, Src: source}.Rand()
			}
			amplitudes[j*n*n+i] = float32(math.Sqrt(v))
		}
	})
}

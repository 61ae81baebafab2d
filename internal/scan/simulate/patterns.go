package simulate

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
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

// measure makes the measured amplitudes (M, N, N): the square root of Poisson counts, or of the intensity itself.
func measure(ctx context.Context, d dataset.ScanData, o Options) *ndarray.Float32 {
	n := d.Probe.Shape[0]
	amplitude := ndarray.New[float32](len(d.X), n, n)
	each(ctx, d, func(propagator *optics.Propagator, j int, wave []complex128) {
		intensity := make([]float64, n*n)
		propagator.Intensity(wave, intensity)
		source := rand.New(rand.NewPCG(o.Seed, streamNoise+uint64(j)<<16))
		for i, v := range intensity {
			if !o.Noiseless && v > 0 {
				v = distuv.Poisson{Lambda: v, Src: source}.Rand()
			}
			amplitude.Data[j*n*n+i] = float32(math.Sqrt(v))
		}
	})
	return amplitude
}

package predict

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
	"ptyx/internal/graph/contract"
	"ptyx/internal/physics/optics"
)

// Difference is the distance between the patches of two models, over the pixels that the probe illuminates with at
// least a hundredth of its peak.
type Difference struct {
	Largest float64 // |a - b| of the complex patches, in units of the transmission
	RMS     float64
}

// RandomPatterns are b samples (B, C, N, N): patterns of random smooth objects under the contract's probe.
func RandomPatterns(c contract.Contract, b int, seed uint64) *ndarray.Float32 {
	rng := stream.New(seed, "predict/patterns")
	out := ndarray.New[float32](b, c.Channels, c.N, c.N)
	propagator := optics.NewPropagator(c.N)
	intensity, object := make([]float64, c.N*c.N), ndarray.New[complex64](c.N, c.N)
	for i := range b * c.Channels {
		fillObject(object, rng)
		propagator.Intensity(optics.ExitWave(c.Probe, object), intensity)
		for k, v := range intensity {
			out.Data[i*c.N*c.N+k] = float32(math.Sqrt(v))
		}
	}
	return out
}

// fillObject draws a few waves of phase and absorption.
func fillObject(object *ndarray.Complex64, rng *rand.Rand) {
	n := object.Shape[0]
	type wave struct{ ky, kx, offset, phase, absorption float64 }
	waves := make([]wave, 6)
	for i := range waves {
		waves[i] = wave{
			rng.Float64() * 0.6, rng.Float64() * 0.6, rng.Float64() * 2 * math.Pi, 0.3 * rng.Float64(),
			0.1 * rng.Float64(),
		}
	}
	for y := range n {
		for x := range n {
			phase, absorption := 0.0, 0.0
			for _, w := range waves {
				s := math.Sin(w.ky*float64(y) + w.kx*float64(x) + w.offset)
				phase, absorption = phase+w.phase*s, absorption+w.absorption*(1+s)
			}
			object.Data[y*n+x] = complex64(cmplx.Rect(math.Exp(-absorption), phase))
		}
	}
}

// Compare runs two predictors on the same patterns (B, C, N, N).
func Compare(a, b Predictor, c contract.Contract, patterns *ndarray.Float32) (Difference, error) {
	first, err := patches(a, c, patterns)
	if err != nil {
		return Difference{}, fmt.Errorf("running the model: %w", err)
	}
	second, err := patches(b, c, patterns)
	if err != nil {
		return Difference{}, fmt.Errorf("running the other model: %w", err)
	}
	return difference(first, second, c), nil
}

// patches are the complex patches of patterns, in one batch.
func patches(p Predictor, c contract.Contract, patterns *ndarray.Float32) ([]complex64, error) {
	batch, err := p.Prepare(patterns.Shape[0])
	if err != nil {
		return nil, err
	}
	defer func() { _ = batch.Close() }() // the result is copied
	if !ndarray.SameShape(batch.Patterns().Shape, patterns.Shape) {
		return nil, NotAPredictor(
			fmt.Sprintf("input %v, where the metadata say %v", batch.Patterns().Shape, patterns.Shape),
		)
	}
	copy(batch.Patterns().Data, patterns.Data)
	if o := batch.Offsets(); o != nil { // not 0, with which moving the probe would not count
		for i := range o.Data {
			o.Data[i] = 0.25 - 0.5*float32(i%2)
		}
	}
	first, second, err := batch.Run()
	if err != nil {
		return nil, err
	}
	out := make([]complex64, len(first.Data))
	Complex(c, first.Data, second.Data, out)
	return out, nil
}

func difference(a, b []complex64, c contract.Contract) Difference {
	peak := 0.0
	for _, p := range c.Probe.Data {
		peak = max(peak, intensity(p))
	}
	var d Difference
	sum, count := 0.0, 0
	for i := range a {
		if intensity(c.Probe.Data[i%len(c.Probe.Data)]) < peak/100 {
			continue
		}
		apart := cmplx.Abs(complex128(a[i]) - complex128(b[i]))
		// A NaN counts as the largest difference.
		if math.IsNaN(apart) {
			return Difference{Largest: math.Inf(1), RMS: math.Inf(1)}
		}
		d.Largest = max(d.Largest, apart)
		sum, count = sum+apart*apart, count+1
	}
	d.RMS = math.Sqrt(sum / float64(count))
	return d
}

func intensity(p complex64) float64 {
	return float64(real(p))*float64(real(p)) + float64(imag(p))*float64(imag(p))
}

package workflow

import (
	"math/cmplx"
	"slices"
	"testing"

	"ptyx/internal/physics/spectrum"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/simulate"
	ort "ptyx/runtime"
)

// TestAWrongScaleIsToldFromAWrongProbe: both explain nearly the same patterns. With the true probe, a scale that is
// wrong by 3% is found. With a wrong probe, right positions stay where they are.
func TestAWrongScaleIsToldFromAWrongProbe(t *testing.T) {
	data, err := simulate.Run(t.Context(), simulate.Options{
		N: 64, Object: simulate.Star, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 20,
		Scan: simulate.Fermat, Count: 48, Step: 5, Photons: 1e6, Seed: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name           string
		scale, defocus float64 // defocus: radians per squared step of frequency
		most           float64 // error that may remain
	}{{"scale", 1.03, 0, 0.1}, {"probe", 1, 0.01, 0.1}} {
		p := solve.Problem{
			Patterns: solve.Amplitudes{Float32: data.Patterns}, Probe: data.Probe.Clone(),
			X: slices.Clone(data.X), Y: slices.Clone(data.Y),
		}
		for i := range p.X {
			p.X[i], p.Y[i] = tt.scale*p.X[i], tt.scale*p.Y[i]
		}
		field := spectrum.New(64, 64)
		for i, v := range p.Probe.Data {
			field.Data[i] = complex128(v)
		}
		field.FFT()
		for i := range field.Data {
			y, x := float64(spectrum.Frequency(i/64, 64)), float64(spectrum.Frequency(i%64, 64))
			field.Data[i] *= cmplx.Exp(complex(0, tt.defocus*(y*y+x*x)))
		}
		field.IFFT()
		for i, v := range field.Data {
			p.Probe.Data[i] = complex64(v)
		}
		j := solution{
			engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 2}, log: silent(), problem: p,
			solver: solve.Defaults(20),
		}
		j.solver.Positions = true
		if err := j.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := positionError(p.X, p.Y, data.X, data.Y)
		after := positionError(j.problem.X, j.problem.Y, data.X, data.Y)
		t.Logf("%s: error before %.3f, after %.3f pixels", tt.name, before, after)
		if !(after < tt.most) {
			t.Errorf("wrong %s: an error of %.3f pixels became %.3f", tt.name, before, after)
		}
	}
}

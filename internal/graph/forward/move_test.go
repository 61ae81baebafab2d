package forward_test

import (
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/forward"
)

// The graph that a checkpoint moves its probe by gives what the shift matrices of a training step give, for one probe
// and for one of each pattern.
func TestMovedProbesAreThoseOfTheShiftMatrices(t *testing.T) {
	const size = 16
	x, y := []float64{0.25, -0.5, 0.375}, []float64{-0.125, 0.499, 0}
	offsets := ndarray.New[float32](3, 2)
	for i := range x {
		offsets.Data[2*i], offsets.Data[2*i+1] = float32(x[i]), float32(y[i])
	}
	for name, probes := range map[string]int{"one probe": 1, "three probes": 3} {
		probe := randomParts(90, probes, 1, size, size)
		b := newBench(t)
		moved := b.computePair(forward.MoveProbe(b.feedPair(probe), b.feed(offsets)))
		b = newBench(t)
		want := b.computePair(forward.ShiftProbe(b.feedPair(probe), b.feed(shiftMatrices(y, size)),
			b.feed(shiftMatrices(x, size))))
		testutil.CheckClose(t, name+", real part", moved.re.Data, want.re.Data, tolerance)
		testutil.CheckClose(t, name+", imaginary part", moved.im.Data, want.im.Data, tolerance)
	}
}

// The unit of patterns and probe does not matter once they are normalised.
func TestNormalisedPatternsHaveNoUnit(t *testing.T) {
	amplitude, probe := testutil.Uniform(91, 0, 2, 2, 1, 8, 8), randomParts(92, 2, 1, 8, 8)
	normalised := func(unit float32) (*ndarray.Float32, parts) {
		scaled := func(a *ndarray.Float32) *ndarray.Float32 {
			a = a.Clone()
			for i := range a.Data {
				a.Data[i] *= unit
			}
			return a
		}
		b := newBench(t)
		d, p := forward.Normalised(b.feed(scaled(amplitude)), b.feedPair(parts{scaled(probe.re), scaled(probe.im)}))
		out := b.compute(d, p.Re, p.Im)
		return out[0], parts{out[1], out[2]}
	}
	wantAmplitude, want := normalised(1)
	for i := range 2 {
		power := 0.0
		for _, v := range want.image(i, 8).Data {
			power += float64(real(v)*real(v)+imag(v)*imag(v)) / 64
		}
		if !testutil.Close(power, 1, 0, 1e-5) {
			t.Errorf("probe %d has mean intensity %v", i, power)
		}
	}
	gotAmplitude, got := normalised(300)
	testutil.CheckClose(t, "amplitude", gotAmplitude.Data, wantAmplitude.Data, tolerance)
	testutil.CheckClose(t, "real part", got.re.Data, want.re.Data, tolerance)
	testutil.CheckClose(t, "imaginary part", got.im.Data, want.im.Data, tolerance)
}

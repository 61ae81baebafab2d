package forward_test

import (
	"math"
	"math/cmplx"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/internal/physics/optics"
)

// Graphs compute in float32, the reference in float64. The longest chain of these tests is six sums of n terms; 1e-5 of
// the largest value leaves a factor of about ten above its rounding, 2^-24 * 8 * sqrt(6).
const tolerance = 1e-5

// n of most tests: small enough for a direct transform.
const n = 8

func shiftMatrices(offsets []float64, n int) *ndarray.Float32 {
	m := ndarray.New[float32](len(offsets), 1, n, n)
	for i, d := range offsets {
		optics.ShiftMatrixInto(m.Data[i*n*n:(i+1)*n*n], d, n)
	}
	return m
}

func dftParts(n int) parts {
	re, im := optics.DFTMatrix(n)
	return parts{ndarray.Wrap(re, n, n), ndarray.Wrap(im, n, n)}
}

func TestObjectIsAmplitudeTimesPhaseFactor(t *testing.T) {
	amplitude, phase := testutil.Uniform(1, 0, 2, 2, 3, n, n), testutil.Uniform(2, -math.Pi, math.Pi, 2, 3, n, n)
	b := newBench(t)
	got := b.computePair(forward.Object(b.feed(amplitude), b.feed(phase)))
	want := make([]complex128, len(amplitude.Data))
	for i, a := range amplitude.Data {
		want[i] = cmplx.Rect(float64(a), float64(phase.Data[i]))
	}
	checkParts(t, "object", got, want, tolerance)
}

func TestProbeShiftsAreThoseOfPlainGo(t *testing.T) {
	dy, dx := []float64{0, 0.25, -0.5, 0.4}, []float64{0, -0.3, 0.5, 0}
	probe := randomParts(3, n, n)
	b := newBench(t)
	got := b.computePair(
		forward.ShiftProbe(b.feedPair(probe), b.feed(shiftMatrices(dy, n)), b.feed(shiftMatrices(dx, n))))
	var want []complex128
	for i := range dy {
		for _, v := range optics.ShiftProbe(probe.image(0, n), dy[i], dx[i]).Data {
			want = append(want, complex128(v))
		}
	}
	checkParts(t, "shifted probe", got, want, tolerance)
	for i := range n * n { // the first pattern is not shifted at all
		if got.re.Data[i] != probe.re.Data[i] || got.im.Data[i] != probe.im.Data[i] {
			t.Fatalf("pixel %d: a shift by 0 changes the probe", i)
		}
	}
}

func TestExitWaveIsThatOfPlainGo(t *testing.T) {
	probe, object := randomParts(4, 2, 1, n, n), randomParts(5, 2, 3, n, n)
	b := newBench(t)
	got := b.computePair(forward.ExitWave(b.feedPair(probe), b.feedPair(object))) // the probe serves all channels
	var want []complex128
	for i := range 2 {
		for c := range 3 {
			want = append(want, optics.ExitWave(probe.image(i, n), object.image(3*i+c, n))...)
		}
	}
	checkParts(t, "exit wave", got, want, tolerance)
}

// direct is the far field by its definition, in O(n^4): zero frequency at [n/2, n/2], unitary.
func direct(wave []complex128, n int) []complex128 {
	out := make([]complex128, n*n)
	for k := range n {
		for l := range n {
			for r := range n {
				for c := range n {
					angle := -2 * math.Pi * float64((k-n/2)*(r-n/2)+(l-n/2)*(c-n/2)) / float64(n)
					out[k*n+l] += wave[r*n+c] * cmplx.Rect(1/float64(n), angle)
				}
			}
		}
	}
	return out
}

func TestPropagationIsTheDirectTransform(t *testing.T) {
	wave := randomParts(6, 2, 2, n, n)
	b := newBench(t)
	got := b.computePair(forward.Propagate(b.feedPair(wave), b.feedPair(dftParts(n))))
	var want []complex128
	for i := range 4 {
		exit := make([]complex128, n*n)
		for k, v := range wave.image(i, n).Data {
			exit[k] = complex128(v)
		}
		want = append(want, direct(exit, n)...)
	}
	checkParts(t, "far field", got, want, tolerance)
}

func TestIntensityIsTheSquare(t *testing.T) {
	wave := randomParts(7, 1, 1, n, n)
	b := newBench(t)
	node := forward.Intensity(b.feedPair(wave))
	want := make([]float32, n*n)
	for i := range want {
		re, im := float64(wave.re.Data[i]), float64(wave.im.Data[i])
		want[i] = float32(re*re + im*im)
	}
	testutil.CheckClose(t, "intensity", b.compute(node)[0].Data, want, tolerance)
}

// scene is the whole path from object and probe to the detector, with one shift for each pattern.
type scene struct {
	amplitude, phase *ndarray.Float32 // (B, 1, N, N)
	probe            parts            // (N, N)
	dy, dx           []float64
}

func newScene(n int) scene {
	return scene{
		amplitude: testutil.Uniform(10, 0.5, 1.5, 3, 1, n, n), phase: testutil.Uniform(11, -2, 2, 3, 1, n, n),
		probe: randomParts(12, n, n), dy: []float64{0.25, 0, -0.4}, dx: []float64{-0.125, 0, 0.5},
	}
}

func (s scene) size() int { return s.probe.re.Shape[0] }

// nodes builds the scene's graph.
func (s scene) nodes(b *bench) (intensity *gorgonia.Node, leaves []*gorgonia.Node) {
	b.t.Helper()
	amplitude, phase, probe := b.feed(s.amplitude), b.feed(s.phase), b.feedPair(s.probe)
	shiftY, shiftX := b.feed(shiftMatrices(s.dy, s.size())), b.feed(shiftMatrices(s.dx, s.size()))
	intensity = forward.Diffract(forward.ShiftProbe(probe, shiftY, shiftX), forward.Object(amplitude, phase))
	return intensity, []*gorgonia.Node{amplitude, phase, probe.Re, probe.Im}
}

// waves are the exit waves in plain Go.
func (s scene) waves() [][]complex128 {
	n := s.size()
	var waves [][]complex128
	for i := range s.dy {
		patch := ndarray.New[complex64](n, n)
		for k := range patch.Data {
			patch.Data[k] = complex64(cmplx.Rect(float64(s.amplitude.Data[i*n*n+k]), float64(s.phase.Data[i*n*n+k])))
		}
		waves = append(waves, optics.ExitWave(optics.ShiftProbe(s.probe.image(0, n), s.dy[i], s.dx[i]), patch))
	}
	return waves
}

// intensities are the patterns in plain Go.
func (s scene) intensities() []float64 {
	n := s.size()
	propagator := optics.NewPropagator(n)
	var all []float64
	for _, wave := range s.waves() {
		pattern := make([]float64, n*n)
		propagator.Intensity(wave, pattern)
		all = append(all, pattern...)
	}
	return all
}

func narrow(v []float64) []float32 {
	out := make([]float32, len(v))
	for i := range v {
		out[i] = float32(v[i])
	}
	return out
}

func TestDiffractAgreesWithPlainGoAndTheDefinition(t *testing.T) {
	s := newScene(n)
	b := newBench(t)
	intensity, _ := s.nodes(b)
	got := b.compute(intensity)[0]
	testutil.CheckClose(t, "against plain Go", got.Data, narrow(s.intensities()), tolerance)
	var want []float32
	for _, wave := range s.waves() {
		for _, v := range direct(wave, n) {
			want = append(want, float32(real(v*cmplx.Conj(v))))
		}
	}
	testutil.CheckClose(t, "against the definition", got.Data, want, tolerance)
}

func TestDiffractAgreesWithPlainGoAtFullSize(t *testing.T) {
	s := newScene(64)
	b := newBench(t)
	intensity, _ := s.nodes(b)
	testutil.CheckClose(t, "against plain Go", b.compute(intensity)[0].Data, narrow(s.intensities()), tolerance)
}

func TestPowerIsConserved(t *testing.T) {
	for _, size := range []int{8, 64} {
		s := newScene(size)
		b := newBench(t)
		intensity, _ := s.nodes(b)
		got := b.compute(intensity)[0]
		for i, wave := range s.waves() {
			exit, detected := 0.0, 0.0
			for _, v := range wave {
				exit += real(v * cmplx.Conj(v))
			}
			for _, v := range got.Data[i*size*size : (i+1)*size*size] {
				detected += float64(v)
			}
			if !testutil.Close(detected, exit, 0, tolerance) { // Parseval
				t.Errorf("N %d, pattern %d: %g leaves the object, %g arrives", size, i, exit, detected)
			}
		}
	}
}

// The central difference of the float64 loss has a truncation error of order step^2 = 6e-5 of the loss's third
// derivative and a rounding error of 2^-24 / step = 2e-5, as plain Go keeps probe and object in complex64.
const (
	differenceStep      = 1.0 / 256
	differenceTolerance = 2e-3 // of the largest gradient
)

func TestGradientsOfTheLikelihoodsAreThoseOfPlainGo(t *testing.T) {
	const eps = 1e-2
	s := newScene(n)
	measured := testutil.Uniform(13, 0.1, 2, 3, 1, n, n)
	weight := ndarray.Wrap([]float32{0.5, 0.2, 0.3}, 3, 1, 1, 1)
	for _, likelihood := range []struct {
		name  string
		graph func(intensity, measured, weight *gorgonia.Node, eps float32) *gorgonia.Node
		plain func(intensity, measured []float64, eps float64) float64
	}{
		{"Poisson", forward.Poisson, poisson},
		{"AmplitudeMAE", forward.AmplitudeMAE, amplitudeMAE},
	} {
		t.Run(likelihood.name, func(t *testing.T) {
			plain := func() float64 {
				loss, all := 0.0, s.intensities()
				for j, w := range weight.Data {
					y := make([]float64, n*n)
					for k := range y {
						y[k] = float64(measured.Data[j*n*n+k])
					}
					loss += float64(w) * likelihood.plain(all[j*n*n:(j+1)*n*n], y, eps)
				}
				return loss
			}
			b := newBench(t)
			intensity, leaves := s.nodes(b)
			loss := likelihood.graph(intensity, b.feed(measured), b.feed(weight), eps)
			grads := program.Gradients(loss, leaves)
			got := b.compute(append([]*gorgonia.Node{loss}, grads...)...)
			if want := plain(); !testutil.Close(float64(got[0].Data[0]), want, 0, tolerance) {
				t.Errorf("loss %g, plain Go %g", got[0].Data[0], want)
			}
			for i, a := range []*ndarray.Float32{s.amplitude, s.phase, s.probe.re, s.probe.im} {
				what := []string{"amplitude", "phase", "probe, real part", "probe, imaginary part"}[i]
				checkSlopes(t, what, got[1+i], a, every(7), plain)
			}
		})
	}
}

func TestLikelihoodsAreWeightedMeans(t *testing.T) {
	// (S, C, N, N) with a weight for each pattern; a weight of 0 leaves a pattern out, whatever it holds.
	intensity, measured := testutil.Uniform(20, 0, 3, 2, 2, n, n), testutil.Uniform(21, 0, 3, 2, 2, n, n)
	weight := ndarray.Wrap([]float32{0.5, 0.25, 0.25, 0}, 2, 2, 1, 1)
	for name, f := range map[string]func(i, m, w *gorgonia.Node, eps float32) *gorgonia.Node{"Poisson": forward.Poisson,
		"AmplitudeMAE": forward.AmplitudeMAE} {
		value := func() float32 {
			b := newBench(t)
			loss := f(b.feed(intensity), b.feed(measured), b.feed(weight), 1e-3)
			return b.compute(loss)[0].Data[0]
		}
		before := value()
		copy(intensity.Data[3*n*n:], testutil.Uniform(22, 5, 6, n*n).Data)
		if after := value(); after != before {
			t.Errorf("%s: a pattern of weight 0 moves the loss from %g to %g", name, before, after)
		}
	}
}

func TestLikelihoodsOfAPerfectFitAreZero(t *testing.T) {
	y := testutil.Uniform(23, 0, 5, 2, 1, n, n)
	y.Data[0] = 0 // a dark pixel
	weight := ndarray.Wrap([]float32{0.5, 0.5}, 2, 1, 1, 1)
	for name, f := range map[string]func(i, m, w *gorgonia.Node, eps float32) *gorgonia.Node{"Poisson": forward.Poisson,
		"AmplitudeMAE": forward.AmplitudeMAE} {
		b := newBench(t)
		loss := f(b.feed(y), b.feed(y.Clone()), b.feed(weight), 1e-3)
		if got := b.compute(loss)[0].Data[0]; got != 0 {
			t.Errorf("%s of a perfect fit is %g", name, got)
		}
	}
}

func TestShapesThatDoNotFitAreErrors(t *testing.T) {
	b := newBench(t)
	a, other := b.feedPair(randomParts(30, 2, 1, n, n)), b.feedPair(randomParts(31, 3, 1, n, n))
	weight := b.feed(testutil.Uniform(32, 0, 1, 3, 1, 1, 1))
	six := b.feedPair(dftParts(6))
	for name, build := range map[string]func() any{
		"Object":       func() any { return forward.Object(a.Re, other.Im) },
		"ExitWave":     func() any { return forward.ExitWave(a, other) },
		"Propagate":    func() any { return forward.Propagate(a, six) },
		"ShiftProbe":   func() any { return forward.ShiftProbe(six, a.Re, a.Re) },
		"Poisson":      func() any { return forward.Poisson(a.Re, a.Im, weight, 1) },
		"AmplitudeMAE": func() any { return forward.AmplitudeMAE(a.Re, other.Re, weight, 1) },
	} {
		if _, err := ops.Build(name, build); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

package workflow

import (
	"bytes"
	"log/slog"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	ort "ptyx/runtime"
)

// overlapping is a scan whose neighbours share most of their light.
func overlapping(t *testing.T) dataset.ScanData {
	t.Helper()
	d, err := simulate.Run(t.Context(), simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 24,
		Scan: simulate.Fermat, Count: 80, Step: 5, Photons: 1e6, Seed: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestPositionsAreFoundFromSinglePatterns: those that are wrong by 5 pixels RMS along each axis are found to a pixel,
// and the result still states the given ones. Right ones stay as they are.
func TestPositionsAreFoundFromSinglePatterns(t *testing.T) {
	data := overlapping(t)
	random := rand.New(rand.NewPCG(1, 7))
	for _, wrong := range []float64{0, 5} {
		p := solve.Problem{
			Patterns: solve.Amplitudes{Float32: data.Patterns}, Probe: data.Probe,
			X: slices.Clone(data.X), Y: slices.Clone(data.Y),
		}
		for i := range p.X {
			p.X[i] += wrong * random.NormFloat64()
			p.Y[i] += wrong * random.NormFloat64()
		}
		j := solution{
			engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 2}, log: silent(), problem: p,
			solver: solve.Defaults(20),
		}
		found, err := j.locate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if found.better(muchBetter) {
			j.take(found)
		}
		before := positionError(p.X, p.Y, data.X, data.Y)
		after := positionError(j.problem.X, j.problem.Y, data.X, data.Y)
		t.Logf("error before %.3f, after %.3f pixels", before, after)
		if wrong == 0 && after != 0 {
			t.Errorf("right positions were moved by %.3f pixels", after)
		}
		if wrong > 0 && (!(after < 1) || !slices.Equal(j.problem.GivenX, p.X)) {
			t.Errorf("positions wrong by %.2f pixels were found to %.2f", before, after)
		}
	}
}

// positionError is the error of positions along an axis, pixels RMS, without a common shift.
func positionError(x, y, trueX, trueY []float64) float64 {
	var sum, sumX, sumY float64
	for i := range x {
		dx, dy := x[i]-trueX[i], y[i]-trueY[i]
		sumX, sumY, sum = sumX+dx, sumY+dy, sum+dx*dx+dy*dy
	}
	n := float64(len(x))
	return math.Sqrt((sum - sumX*sumX/n - sumY*sumY/n) / (2 * n))
}

// TestPlacingIsBoundInMemory: too many patterns keep their positions, with a warning, before anything is computed.
func TestPlacingIsBoundInMemory(t *testing.T) {
	const count = 5000
	var log bytes.Buffer
	j := solution{
		solver: solve.Defaults(8), engine: engine.Options{Kind: engine.KindORT},
		log: slog.New(slog.NewTextHandler(&log, nil)),
		problem: solve.Problem{
			X: make([]float64, count), Y: make([]float64, count),
			Patterns: solve.Amplitudes{Float32: &ndarray.Float32{Shape: []int{count, 128, 128}}}, // no pattern is read
		},
	}
	found, err := j.locate(t.Context())
	if err != nil || found != nil || !strings.Contains(log.String(), "do not fit into memory") {
		t.Errorf("found %v, %v\n%s", found, err, log.String())
	}
}

// TestTrialsKeepTheLight crops the detector to its middle only if the light is there.
func TestTrialsKeepTheLight(t *testing.T) {
	const n = 96
	for _, c := range []struct {
		name          string
		inner, radius float64 // of the ring that is lit, in pixels
		factor        int
	}{{"a cone in the middle", 0, 20, 2}, {"a cone with a central stop", 26, 44, 1}} {
		patterns := ndarray.New[float32](3, n, n)
		for i := range patterns.Data {
			y, x := float64(i/n%n-n/2), float64(i%n-n/2)
			if r := math.Hypot(x, y); r >= c.inner && r <= c.radius {
				patterns.Data[i] = 5
			}
		}
		p := solve.Problem{
			Patterns: solve.Amplitudes{Float32: patterns}, Probe: ndarray.New[complex64](n, n),
			X: []float64{0, 5, 9}, Y: []float64{0, 0, 0},
		}
		if factor, err := coarseness(p); err != nil || factor != c.factor {
			t.Errorf("%s: trials crop by %d, expected %d; %v", c.name, factor, c.factor, err)
		}
	}
}

// TestPositionsAndProbeAreToldApart: wrong positions are found without a change of a right probe, and a wrong probe,
// with the other sign of its defocus, is replaced without a move of right positions.
func TestPositionsAndProbeAreToldApart(t *testing.T) {
	truth := overlapping(t)
	for _, c := range []struct {
		name                  string
		wrongPlace, wrongSign bool
	}{{"both right", false, false}, {"wrong positions", true, false}, {"wrong probe", false, true}} {
		d, random := overlapping(t), rand.New(rand.NewPCG(1, 7))
		for i := range d.X {
			if c.wrongPlace {
				d.X[i] += 4 * random.NormFloat64()
				d.Y[i] += 4 * random.NormFloat64()
			}
		}
		for i, v := range d.Probe.Data {
			if c.wrongSign {
				d.Probe.Data[i] = complex(real(v), -imag(v))
			}
		}
		o := SolveOptions{
			Scan: filepath.Join(t.TempDir(), "scan.npz"), Read: dataset.Options{Input: dataset.Amplitude},
			Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 2}, Solver: solve.Defaults(20),
		}
		o.Solver.Positions = true
		if err := dataset.Write(o.Scan, d); err != nil {
			t.Fatal(err)
		}
		p, scan := loaded(t, o, silent())
		j := &solution{problem: p, solver: o.Solver, engine: o.Engine, log: silent()}
		if err := o.findProbeAndPositions(t.Context(), j, scan); err != nil {
			t.Fatal(err)
		}
		if replaced := j.problem.FoundProbe != nil; replaced != c.wrongSign {
			t.Errorf("%s: the probe was replaced: %v", c.name, replaced)
		}
		if like, _ := optics.Likeness(j.problem.Probe, truth.Probe); !(like > 0.9) {
			t.Errorf("%s: a likeness of %.3f to the true probe", c.name, like)
		}
		if moved := j.problem.GivenX != nil; moved != c.wrongPlace {
			t.Errorf("%s: the positions were replaced: %v", c.name, moved)
		}
		if off := positionError(j.problem.X, j.problem.Y, truth.X, truth.Y); !(off < 1) {
			t.Errorf("%s: positions wrong by %.3f pixels", c.name, off)
		}
	}
}

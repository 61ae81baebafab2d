package workflow

import (
	"bytes"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/simulate"
	ort "ptyx/runtime"
)

// TestPositionsAreFoundFromSinglePatterns: those that are wrong by 5 pixels RMS along each axis are found to a pixel,
// and the result still states the given ones. Right ones stay as they are.
func TestPositionsAreFoundFromSinglePatterns(t *testing.T) {
	data, err := simulate.Run(t.Context(), simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 24,
		Scan: simulate.Fermat, Count: 80, Step: 5, Photons: 1e6, Seed: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
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
		if err := j.place(t.Context()); err != nil {
			t.Fatal(err)
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
	if err := j.place(t.Context()); err != nil || !strings.Contains(log.String(), "do not fit into memory") {
		t.Errorf("%v\n%s", err, log.String())
	}
}

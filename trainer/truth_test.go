package trainer

import (
	"context"
	"errors"
	"math"
	"math/cmplx"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/format/npz"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	"ptyx/models"
)

// supervised is small, compared with the truth.
func supervised() Config {
	c := small()
	c.Mode, c.Loss = Supervised, MAE.Loss()
	return c
}

// trueValue is the object at a pixel of pattern j's patch; known is false outside.
func trueValue(data dataset.ScanData, j, r, c int) (v complex128, known bool) {
	row, col := frame.Pixel(data.Y[j])-32+r, frame.Pixel(data.X[j])-32+c
	h, w := data.Object.Shape[0], data.Object.Shape[1]
	if row < 0 || col < 0 || row >= h || col >= w {
		return 0, false
	}
	return complex128(data.Object.Data[row*w+col]), true
}

// withPatches is the scan with its object cut into patches, NaN where there is no object.
func withPatches(t *testing.T, data dataset.ScanData) *dataset.Scan {
	t.Helper()
	m := len(data.X)
	patches := ndarray.New[complex64](m, 64, 64)
	for i := range patches.Data {
		v, known := trueValue(data, i/4096, i%4096/64, i%64)
		if !known {
			v = cmplx.NaN()
		}
		patches.Data[i] = complex64(v)
	}
	path := filepath.Join(t.TempDir(), "patches.npz")
	if err := npz.Write(path, []npz.Member{
		{Key: dataset.KeyPatterns, Value: data.Patterns}, {Key: dataset.KeyX, Value: data.X},
		{Key: dataset.KeyY, Value: data.Y},
		{Key: dataset.KeyProbe, Value: data.Probe}, {Key: dataset.KeyTruth, Value: patches},
	}); err != nil {
		t.Fatal(err)
	}
	scan, err := dataset.Open(path, dataset.Options{Input: dataset.Amplitude})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = scan.Close() })
	return scan
}

// astray are patterns of which some see past the border of the object, and one nothing of it.
func astray(t *testing.T) dataset.ScanData {
	t.Helper()
	data := simulated(t, 5, 1)
	for j := range data.X {
		data.X[j] -= 20 * float64(j) // the last one lies 80 pixels further left
		data.Y[j] += 7 * float64(j)
	}
	data.X[4] -= 500
	return data
}

// TestLossAgainstTheTruth: a network of zeros says amplitude 1 and phase 0, so the loss is the truth's own distance
// from that, weighted by the probe's intensity, of what is known; whether it comes as an object or as patches.
func TestLossAgainstTheTruth(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	data := astray(t)
	for _, extent := range []models.Extent{models.Centre, models.Full} {
		for name, scan := range map[string]*dataset.Scan{"object": opened(t, data), "patches": withPatches(t, data)} {
			c := supervised()
			c.Extent, c.BatchSize = extent, 5
			b := bind(t, ort, c, scan, 1)
			for _, p := range b.state.Parameters {
				clear(p.Data)
			}
			margin := map[models.Extent]int{models.Centre: 16, models.Full: 0}[extent]
			top := largestMagnitude(data.Probe)
			want := 0.0
			for j := range data.X {
				sum, light := 0.0, 0.0
				for r := margin; r < 64-margin; r++ {
					for col := margin; col < 64-margin; col++ {
						v, known := trueValue(data, j, r, col)
						if !known {
							continue
						}
						p := complex128(data.Probe.Data[r*64+col])
						weight := real(p*cmplx.Conj(p))/math.Pow(top, 2) + overlapRim
						sum += weight * (math.Abs(1-cmplx.Abs(v)) +
							math.Hypot(2*math.Sin(cmplx.Phase(v)/2), 1e-3) - 1e-3)
						light += weight
					}
				}
				if light > 0 {
					want += sum / light / float64(len(data.X))
				}
			}
			// Float32 sums of 4096 terms.
			if got := b.run(t, b.firstGroups()); !testutil.Close(got, want, 0, 1e-5) {
				t.Errorf("%s, %s: loss %v, want %v", name, extent, got, want)
			}
		}
	}
}

func TestSupervisedTrainingLearnsAndKeepsTheContract(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	scan := opened(t, simulated(t, 4, 1))
	for _, grouping := range []Grouping{Shared, Channels} {
		c := supervised()
		// What means nothing here does no harm: the probe stays, groups that share a network come apart.
		c.Grouping, c.Gridsize, c.Probe, c.ProbeWarmUp, c.ProbePasses = grouping, 2, ProbeTrainable, 0, 3
		c.MaxEpochs, c.BatchSize, c.Patterns = 6, 4, 4
		if grouping == Channels {
			c.Patterns = 1
		}
		r, progress := request(c, scan, ort)
		result := train(t, r)
		losses := progress.losses
		if len(losses) != 6 || !(losses[5] < 0.9*losses[0]) {
			t.Errorf("%s: losses %v", grouping, losses)
		}
		m := contractOf(t, result.Model)
		channels, gridsize := 1, 1
		if grouping == Channels {
			channels, gridsize = 4, 2
		}
		if m.Loss != "mae, supervised" || m.Channels != channels || m.Gridsize != gridsize || m.TrainLoss != losses[5] {
			t.Errorf("%s: the model says %q, %d channels, gridsize %d, loss %v", grouping, m.Loss, m.Channels,
				m.Gridsize, m.TrainLoss)
		}
		power, err := scan.MeanPower()
		if err != nil {
			t.Fatal(err)
		}
		top := largestMagnitude(result.Probes[0])
		for i, v := range probesInCounts(r.mustProbes(t))[0].Data {
			if got := result.Probes[0].Data[i]; !(cmplx.Abs(complex128(got-v*complex64(complex(math.Sqrt(power/4096),
				0)))) <= 1e-5*top) {
				t.Fatalf("%s: the probe moved at pixel %d", grouping, i)
			}
		}
	}
}

// mustProbes are the scans' own probes as a step has them, and photons for a power of 1 a pixel.
func (r Request) mustProbes(t *testing.T) (re, im *ndarray.Float32, photons float64) {
	t.Helper()
	re, im = scaledProbes(scans(r.Scans).probes(), []float64{1})
	return re, im, 4096
}

func TestSupervisedTrainingIsResumed(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	c := supervised()
	c.ValFraction, c.MaxEpochs = 0.2, 2
	_, want := saved(t, c, ort, 1)
	_, got := interrupted(t, c, ort, 1, 4)
	same(t, "parameters", flatten(got.State.Parameters), flatten(want.State.Parameters))
}

func TestTrainingWithoutTruthIsRefused(t *testing.T) {
	t.Parallel()
	bare, even, away := simulated(t, 3, 1), simulated(t, 3, 1), simulated(t, 3, 1)
	bare.Object = nil
	even.Object = ones(100)
	for j := range away.X {
		away.X[j] += 5000
	}
	unknown, elsewhere := simulated(t, 3, 1), simulated(t, 3, 1)
	unknown.Object = ones(100)
	for i := range unknown.Object.Data {
		unknown.Object.Data[i] = complex64(cmplx.NaN())
	}
	// The first pixel is known, and under no pattern.
	elsewhere.Object = ndarray.Wrap(slices.Clone(unknown.Object.Data), 100, 100)
	elsewhere.Object.Data[0] = 1
	for j := range elsewhere.X {
		elsewhere.X[j] += 10
	}
	for name, c := range map[string]struct {
		data     dataset.ScanData
		spoil    func(*Config)
		key      string
		sentence string
	}{
		"no truth":                 {bare, nil, dataset.KeyTruth, "no truth"},
		"a flat object":            {even, nil, dataset.KeyObject, "the same everywhere"},
		"another place":            {away, nil, dataset.KeyObject, "none of them under a pattern"},
		"all of it unknown":        {unknown, nil, dataset.KeyObject, "no finite number under any pattern"},
		"unknown where it is seen": {elsewhere, nil, dataset.KeyObject, "no finite number under any pattern"},
		"photons wanted": {simulated(t, 3, 1), func(c *Config) { c.Loss = Poisson.Loss() }, "poisson_weight",
			"0 with mode supervised"},
	} {
		config := supervised()
		if c.spoil != nil {
			c.spoil(&config)
		}
		r, _ := request(config, opened(t, c.data), engine.Tape{})
		var bad *badinput.Error
		if _, err := Train(context.Background(), r); !errors.As(err, &bad) || bad.Key != c.key ||
			!strings.Contains(err.Error(), c.sentence) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	// Patches that are all unknown are found in memory and on disk.
	for _, limit := range []int64{0, 1} {
		r, _ := request(supervised(), withPatches(t, away), engine.Tape{})
		r.MemoryLimit, r.Scratch = limit, t.TempDir()
		var bad *badinput.Error
		if _, err := Train(context.Background(), r); !errors.As(err, &bad) || bad.Key != dataset.KeyTruth ||
			!strings.Contains(err.Error(), "no finite number") {
			t.Errorf("patches of NaN, %d bytes of memory: %v", limit, err)
		}
	}
	// A scan for validation needs a truth of its own.
	r, _ := request(supervised(), opened(t, simulated(t, 3, 1)), engine.Tape{})
	r.Validation = scans{opened(t, bare)}
	var bad *badinput.Error
	if _, err := Train(context.Background(), r); !errors.As(err, &bad) || bad.File != r.Validation[0].Path {
		t.Errorf("validation without truth: %v", err)
	}
}

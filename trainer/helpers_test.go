package trainer

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"path/filepath"
	"testing"

	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	"ptyx/models"
	ort "ptyx/runtime"
	"ptyx/runtime/runtimetest"
)

// fast is the engine on ONNX Runtime. A machine without the library fails: training is meant to run there.
func fast(t *testing.T, threads int) *engine.ORT {
	t.Helper()
	return engine.NewORT(runtimetest.Open(t), ort.SessionOptions{Threads: threads})
}

// simulated is a small scan of blobs that overlap well, 10^4 photons a pattern.
func simulated(t *testing.T, count int, seed uint64) dataset.ScanData {
	t.Helper()
	return simulatedIn(t, 4, 16, count, seed)
}

// simulatedIn is such a scan in steps of so many pixels, with a Gaussian probe of the given width.
func simulatedIn(t *testing.T, step, width float64, count int, seed uint64) dataset.ScanData {
	t.Helper()
	data, err := simulate.Run(t.Context(), simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.Gaussian, ProbeSize: width,
		Scan: simulate.Fermat, Count: count, Step: step, Photons: 1e4, Seed: seed,
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// opened writes a scan and opens it.
func opened(t *testing.T, data dataset.ScanData) *dataset.Scan {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, data); err != nil {
		t.Fatal(err)
	}
	scan, err := dataset.Open(path, dataset.Options{Input: dataset.Amplitude})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := scan.Close(); err != nil {
			t.Error(err)
		}
	})
	return scan
}

// small is the smallest network there is, on batches of two.
func small() Config {
	return Config{
		N: 64, Mode: Physics, Gridsize: 1, Grouping: Shared, FiltersScale: 1, Extent: models.Centre,
		Loss: Poisson.Loss(), Oversample: 1, Seed: 3,
		MaxEpochs: 2, BatchSize: 2, LearningRate: 1e-3, Schedule: Constant, Probe: ProbeFixed, ProbeRate: 1, Threads: 1,
		Floor: DefaultFloor,
	}
}

// recorder is a Progress that remembers, and calls after every batch.
type recorder struct {
	losses     []float64 // of batches
	epochs     []Epoch
	afterBatch func(batches int) // nil: nothing
}

func (r *recorder) Batch(_, _, _ int, loss float64) {
	r.losses = append(r.losses, loss)
	if r.afterBatch != nil {
		r.afterBatch(len(r.losses))
	}
}

func (r *recorder) Epoch(e Epoch) { r.epochs = append(r.epochs, e) }

// request is a training without files.
func request(c Config, scan *dataset.Scan, eng engine.Engine) (Request, *recorder) {
	r := &recorder{}
	return Request{Config: c, Scans: []*dataset.Scan{scan}, Engine: eng, Progress: r,
		Log: slog.New(slog.DiscardHandler)}, r
}

// train runs a request to its end.
func train(t *testing.T, r Request) *Result {
	t.Helper()
	result, err := Train(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// bound is a step with arrays of its own, on one engine.
type bound struct {
	step   *Step
	state  *State
	fitter *Fitter
}

// bind prepares a step of the given configuration over all patterns of a scan. The parameters are a network's first.
func bind(t *testing.T, eng engine.Engine, c Config, scan *dataset.Scan, replicas int) *bound {
	t.Helper()
	r, _ := request(c, scan, eng)
	return bindRequest(t, r, replicas)
}

func bindRequest(t *testing.T, r Request, replicas int) *bound {
	t.Helper()
	light, err := scans(r.Scans).light()
	if err != nil {
		t.Fatal(err)
	}
	data, val, err := r.data()
	if err != nil {
		t.Fatal(err)
	}
	net := r.network(light.power)
	sc := r.step(net, cmp.Or(r.Config.Photons, light.power), data, val)
	sc.Samples /= replicas
	step, err := NewStep(sc)
	if err != nil {
		t.Fatal(err)
	}
	state := r.initialState(net, step, scans(r.Scans).probes(), light.exposure)
	fitter, err := NewFitter(r.Engine, r.Config, step, replicas, state, data, val, r.Progress)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fitter.Close)
	return &bound{step: step, state: state, fitter: fitter}
}

// run computes loss and gradients of some groups; no parameter moves.
func (b *bound) run(t *testing.T, groups []int) float64 {
	t.Helper()
	loss, err := b.fitter.run(b.fitter.train, groups, func(r *replica) engine.Binding { return r.training })
	if err != nil {
		t.Fatal(err)
	}
	return loss
}

// same compares two lists of numbers bit by bit.
func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: value %d is %g, want %g, bit for bit", what, i, got[i], want[i])
		}
	}
}

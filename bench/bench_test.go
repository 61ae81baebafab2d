// Package bench measures the parts of ptyx on a simulated scan: `make bench` prints, for each, patterns per second and
// allocations. Sizes are those of a first experiment: N = 64, the default network.
package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	"ptyx/internal/service/scanstore"
	"ptyx/models"
	ort "ptyx/runtime"
	"ptyx/stitch"
	"ptyx/trainer"
)

const (
	size     = 64
	patterns = 64
)

// makeScan simulates a scan and opens it.
func makeScan(b *testing.B) *dataset.Scan {
	b.Helper()
	data, err := simulate.Run(b.Context(), simulate.Options{
		N: size, Object: simulate.Star, Absorption: 0.4, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 20,
		Scan: simulate.Raster, Count: patterns, Step: 8, Photons: 1e6, Seed: 1,
	})
	must(b, err)
	path := filepath.Join(b.TempDir(), "scan.npz")
	must(b, dataset.Write(path, data))
	scan, err := dataset.Open(path, dataset.Options{Log: slog.New(slog.DiscardHandler)})
	must(b, err)
	b.Cleanup(func() { must(b, scan.Close()) })
	return scan
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// open opens ONNX Runtime with a number of threads.
func open(b *testing.B, threads int) (*ort.Environment, ort.SessionOptions) {
	b.Helper()
	library, err := ort.Find("")
	must(b, err)
	env, err := ort.Open(library)
	must(b, err)
	b.Cleanup(func() { must(b, env.Close()) })
	return env, ort.SessionOptions{Device: ort.CPU, Threads: threads}
}

// rate reports patterns per second over the measured time.
func rate(b *testing.B, perRun int) {
	b.ReportMetric(float64(perRun)*float64(b.N)/b.Elapsed().Seconds(), "patterns/s")
}

func config(gridsize, batch, epochs, threads int) trainer.Config {
	return trainer.Config{
		N: size, Mode: trainer.Physics, Gridsize: gridsize, Grouping: trainer.Shared, FiltersScale: 2,
		Extent: models.Full, Loss: trainer.Poisson.Loss(), Oversample: 1,
		MaxEpochs: trainer.Epochs(epochs), BatchSize: batch, LearningRate: 1e-3, Schedule: trainer.Constant,
		Probe:     trainer.ProbeFixed,
		ProbeRate: 1, Threads: threads, Floor: trainer.DefaultFloor,
	}
}

// stopwatch starts the benchmark's clock when the first epoch, which warms up, has ended.
type stopwatch struct {
	b    *testing.B
	seen int
}

func (*stopwatch) Batch(int, int, int, float64) {}

func (s *stopwatch) Epoch(trainer.Epoch) {
	if s.seen++; s.seen == 1 {
		s.b.ResetTimer()
	}
}

// BenchmarkTrainingEpoch is complete steps: filling the batch, forward, backward and Adam. One run is an epoch of 64
// patterns.
func BenchmarkTrainingEpoch(b *testing.B) {
	for _, c := range []struct {
		name                     string
		gridsize, batch, threads int
	}{
		{"batch16/threads2", 1, 16, 2},
		{"batch16/threads2/gridsize2", 2, 16, 2},
		{"batch4/threads2", 1, 4, 2},
		{"batch4/threads1", 1, 4, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			scan := makeScan(b)
			env, options := open(b, c.threads)
			_, err := trainer.Train(context.Background(), trainer.Request{
				Config: config(c.gridsize, c.batch, b.N+1, c.threads), Scans: []*dataset.Scan{scan},
				Engine:   engine.NewORT(env, options),
				Progress: &stopwatch{b: b}, Log: slog.New(slog.DiscardHandler),
			})
			must(b, err)
			rate(b, patterns)
		})
	}
}

// untrained is a checkpoint with the weights of the seed: inference costs the same before training as after.
func untrained(b *testing.B, scan *dataset.Scan) ([]byte, contract.Contract) {
	b.Helper()
	result, err := trainer.Train(context.Background(), trainer.Request{
		Config: config(1, 16, 0, 1), Scans: []*dataset.Scan{scan}, Engine: engine.Tape{}, Progress: &stopwatch{b: b},
		Log: slog.New(slog.DiscardHandler),
	})
	must(b, err)
	c, err := contract.Parse(result.Model)
	must(b, err)
	return result.Model.Marshal(), c
}

// BenchmarkInference is the bare session through runtime.
func BenchmarkInference(b *testing.B) {
	model, _ := untrained(b, makeScan(b))
	for _, c := range []struct {
		name           string
		batch, threads int
	}{{"batch1/threads2", 1, 2}, {"batch16/threads2", 16, 2}, {"batch16/threads1", 16, 1}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			env, options := open(b, c.threads)
			predictor, err := predict.NewORT(env, model, options)
			must(b, err)
			b.Cleanup(func() { must(b, predictor.Close()) })
			batch, err := predictor.Prepare(c.batch)
			must(b, err)
			b.Cleanup(func() { must(b, batch.Close()) })
			b.ResetTimer()
			for range b.N {
				_, _, err := batch.Run()
				must(b, err)
			}
			rate(b, c.batch)
		})
	}
}

// BenchmarkInfer is a complete reconstruction without its files: reading, network, stitching.
func BenchmarkInfer(b *testing.B) {
	b.ReportAllocs()
	scan := makeScan(b)
	model, c := untrained(b, scan)
	env, options := open(b, 2)
	predictor, err := predict.NewORT(env, model, options)
	must(b, err)
	b.Cleanup(func() { must(b, predictor.Close()) })
	b.ResetTimer()
	for range b.N {
		_, err := reconstruct.Run(context.Background(), predictor, scan, c, reconstruct.Options{BatchSize: 16})
		must(b, err)
	}
	rate(b, patterns)
}

// BenchmarkStitching adds patches to a canvas and reads the object.
func BenchmarkStitching(b *testing.B) {
	b.ReportAllocs()
	scan := makeScan(b)
	weights, patch := ndarray.New[float32](size, size), make([]complex64, size*size)
	for i := range patch {
		weights.Data[i], patch[i] = 1, complex(0.5, 0.5)
	}
	b.ResetTimer()
	for range b.N {
		canvas, err := stitch.NewCanvas(scan.X, scan.Y, size, weights)
		must(b, err)
		for id := range scan.X {
			must(b, canvas.Add(id, scan.X[id], scan.Y[id], patch))
		}
		canvas.Object()
	}
	rate(b, patterns)
}

// BenchmarkLoading decodes the frames of a scan from its file.
func BenchmarkLoading(b *testing.B) {
	b.ReportAllocs()
	scan := makeScan(b)
	frame := make([]float32, size*size)
	b.ResetTimer()
	for range b.N {
		frames, err := scan.Frames()
		must(b, err)
		for {
			_, err := frames.Next(frame)
			if err == io.EOF {
				break
			}
			must(b, err)
		}
		must(b, frames.Close())
	}
	rate(b, patterns)
}

// BenchmarkKeeping puts the frames of a post on disk for good, as `ptyx serve --store` does before it answers: 64 at
// once, and each alone.
func BenchmarkKeeping(b *testing.B) {
	for _, step := range []int{patterns, 1} {
		b.Run(fmt.Sprint(step, "AtOnce"), func(b *testing.B) {
			b.ReportAllocs()
			scan, frames, nothing := keptScan(b)
			for b.Loop() {
				for from := 0; from < patterns; from += step {
					to := from + step
					must(b, scan.Append(scanstore.Frames{
						IDs: frames.IDs[from:to], X: frames.X[from:to], Y: frames.Y[from:to],
						Patterns: frames.Patterns[from*size*size : to*size*size],
					}, nothing))
				}
			}
			rate(b, patterns)
		})
	}
}

// keptScan is a scan on disk, and frames for it.
func keptScan(b *testing.B) (scan *scanstore.Scan, frames scanstore.Frames, nothing func() error) {
	b.Helper()
	store, err := scanstore.Open("", b.TempDir())
	must(b, err)
	b.Cleanup(func() { must(b, store.Close()) })
	scan, err = store.Create(strings.Repeat("0", 32), scanstore.Head{N: size})
	must(b, err)
	b.Cleanup(func() { must(b, scan.Close()) })
	frames = scanstore.Frames{IDs: make([]int64, patterns), X: make([]float64, patterns), Y: make([]float64, patterns),
		Patterns: make([]float32, patterns*size*size)}
	return scan, frames, func() error { return nil }
}

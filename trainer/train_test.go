package trainer

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/testutil"
	"ptyx/internal/format/npz"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/models"
)

// saved trains into a run directory of its own.
func saved(t *testing.T, c Config, eng engine.Engine, scanSeed uint64) (dir string, result *Result) {
	t.Helper()
	dir = t.TempDir()
	r, _ := request(c, opened(t, simulated(t, 6, scanSeed)), eng)
	r.Checkpoint = filepath.Join(dir, StateFile)
	result = train(t, r)
	if err := SaveConfig(dir, c); err != nil {
		t.Fatal(err)
	}
	if err := result.Save(dir); err != nil {
		t.Fatal(err)
	}
	return dir, result
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// withoutClock is a state file's arrays but those that hold times.
func withoutClock(t *testing.T, path string) map[string][]float64 {
	t.Helper()
	file, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	out := map[string][]float64{}
	for _, key := range file.Keys() {
		if key == "data_sha256" || key == "history.seconds" || key == "history.patterns_per_s" {
			continue
		}
		h, err := file.Header(key)
		if err != nil {
			t.Fatal(err)
		}
		if len(h.Shape) > 1 {
			a, err := file.Float32(key)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range a.Data {
				out[key] = append(out[key], float64(v))
			}
			continue
		}
		if out[key], err = file.Float64s(key); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// sameStates compares two state files but for times, bit by bit.
func sameStates(t *testing.T, what, got, want string) {
	t.Helper()
	a, b := withoutClock(t, got), withoutClock(t, want)
	if len(a) != len(b) {
		t.Fatalf("%s: %d arrays, want %d", what, len(a), len(b))
	}
	for key, values := range b {
		if !slices.EqualFunc(a[key], values,
			func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }) {
			t.Errorf("%s: %s differs", what, key)
		}
	}
}

// TestTheSameSeedGivesTheSameFiles, byte for byte: only metrics.csv and the state know how long it took.
func TestTheSameSeedGivesTheSameFiles(t *testing.T) {
	t.Parallel()
	c := small()
	c.BatchSize, c.ValFraction, c.Threads, c.Probe, c.ProbeWarmUp = 4, 0.2, 2, ProbeTrainable, 0
	ort := fast(t, 2) // two replicas
	first, _ := saved(t, c, ort, 1)
	second, _ := saved(t, c, ort, 1)
	for _, name := range []string{ModelFile, BestFile, LossFile, ConfigFile, ProbeFile, ProbeImage} {
		if !bytes.Equal(read(t, first, name), read(t, second, name)) {
			t.Errorf("%s differs", name)
		}
	}
	sameStates(t, StateFile, filepath.Join(second, StateFile), filepath.Join(first, StateFile))
	if a, b := timeless(t, first), timeless(t, second); !slices.EqualFunc(a, b, slices.Equal) {
		t.Errorf("%s: %v and %v", MetricsFile, a, b)
	}
	c.Seed++
	other, _ := saved(t, c, ort, 1)
	if bytes.Equal(read(t, first, ModelFile), read(t, other, ModelFile)) {
		t.Error("another seed gives the same model")
	}
}

// timeless is metrics.csv without seconds and patterns_per_s.
func timeless(t *testing.T, dir string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(read(t, dir, MetricsFile))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		rows[i] = rows[i][:4]
	}
	return rows
}

// TestOptimiserThreadsDoNotChangeTheResult: with the engine's replicas fixed, they only share out the arithmetic.
func TestOptimiserThreadsDoNotChangeTheResult(t *testing.T) {
	t.Parallel()
	scan := opened(t, simulated(t, 2, 1))
	ort := fast(t, 1)
	var want []float32
	for _, threads := range []int{0, 1, 3} {
		c := small()
		c.MaxEpochs, c.Threads = 2, threads
		r, _ := request(c, scan, ort)
		got := flatten(train(t, r).State.Parameters)
		if want == nil {
			want = got
		}
		same(t, fmt.Sprintf("%d threads", threads), got, want)
	}
}

func TestTheTapeTrains(t *testing.T) {
	t.Parallel()
	c := small()
	c.MaxEpochs, c.ValFraction, c.LearningRate = 2, 0.3, 1e-4 // one step of Adam at 1e-3 may overshoot
	r, progress := request(c, opened(t, simulated(t, 3, 1)), engine.Tape{})
	result := train(t, r)
	if len(progress.epochs) != 2 || len(progress.losses) != 2 || !(progress.losses[1] < progress.losses[0]) {
		t.Errorf("losses %v in %d epochs", progress.losses, len(progress.epochs))
	}
	if result.Device != "Go" {
		t.Errorf("device %q", result.Device)
	}
}

// contractOf reads a model back as inference does.
func contractOf(t *testing.T, m *onnxir.Model) contract.Contract {
	t.Helper()
	again, err := onnxir.Unmarshal(m.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Parse(again)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryGroupingAndExtentLearns(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	scan := opened(t, simulated(t, 5, 1))
	for _, grouping := range []Grouping{Shared, Channels} {
		for _, extent := range []models.Extent{models.Centre, models.Full} {
			t.Run(fmt.Sprint(grouping, " ", extent), func(t *testing.T) {
				t.Parallel()
				c := small()
				c.Gridsize, c.Grouping, c.Extent, c.BatchSize, c.MaxEpochs, c.Patterns = 2, grouping, extent, 4, 5, 1
				r, progress := request(c, scan, ort)
				result := train(t, r) // the same group five times
				if len(progress.losses) != 5 || !(progress.losses[4] < 0.95*progress.losses[0]) {
					t.Errorf("losses %v", progress.losses)
				}
				got := contractOf(t, result.Model)
				channels := map[Grouping]int{Shared: 1, Channels: 4}[grouping]
				if got.Channels != channels || got.Gridsize != 2 || got.ObjectExtent != string(extent) ||
					got.Epochs != 5 {
					t.Errorf("the model says %d channels, gridsize %d, extent %s, %d epochs", got.Channels,
						got.Gridsize, got.ObjectExtent, got.Epochs)
				}
				if got.TrainLoss != progress.losses[4] {
					t.Errorf("the model says loss %v, it was %v", got.TrainLoss, progress.losses[4])
				}
			})
		}
	}
}

func TestLossesAreMeansOverGroups(t *testing.T) {
	t.Parallel()
	c := small()
	c.MaxEpochs, c.LearningRate, c.ValFraction = 1, 1e-12, 0.4 // stands still
	r, progress := request(c, opened(t, simulated(t, 5, 1)), fast(t, 1))
	train(t, r) // three groups in steps of two, two for validation
	// In float32 the parameters do not move, and the losses are exact but for their own rounding.
	if want := (2*progress.losses[0] + progress.losses[1]) / 3; len(progress.losses) != 2 ||
		!testutil.Close(progress.epochs[0].TrainLoss, want, 0, 1e-12) {
		t.Errorf("train loss %v from batches %v", progress.epochs[0].TrainLoss, progress.losses)
	}
	r.Config.ValFraction = 0
	fullRun, all := request(r.Config, r.Scans[0], r.Engine)
	train(t, fullRun)
	if want := (3*progress.epochs[0].TrainLoss +
		2*progress.epochs[0].ValLoss) / 5; !testutil.Close(all.epochs[0].TrainLoss, want, 0, 1e-6) {
		t.Errorf("the parts' losses give %v, all patterns %v", want, all.epochs[0].TrainLoss)
	}
	if !math.IsNaN(all.epochs[0].ValLoss) {
		t.Errorf("validation loss %v without validation", all.epochs[0].ValLoss)
	}
}

// TestProbeMovesWhenItMay: after its warm-up, at its own rate, keeping its power.
func TestProbeMovesWhenItMay(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	scan := opened(t, simulated(t, 2, 1))
	startRe, startIm := scaledProbes(scans{scan}.probes(), []float64{1})
	start := append(slices.Clone(startRe.Data), startIm.Data...)
	for _, c := range []struct {
		mode   ProbeMode
		warmUp int
		rate   float64
		moves  bool
	}{
		{ProbeFixed, 0, 1, false}, {ProbeTrainable, 2, 1, false}, {ProbeTrainable, 0, 0, false},
		{ProbeTrainable, 1, 1, true},
	} {
		config := small()
		config.Probe, config.ProbeWarmUp, config.ProbeRate = c.mode, c.warmUp, c.rate
		r, _ := request(config, scan, ort)
		result := train(t, r)
		probe := append(slices.Clone(result.State.ProbeRe.Data), result.State.ProbeIm.Data...)
		apart := 0.0
		for i := range probe {
			apart = max(apart, math.Abs(float64(probe[i]-start[i])))
		}
		// Renewed scaling to the same power rounds (2^-24 of some 5); a step is 10^-3.
		if moved := apart > 1e-4; moved != c.moves {
			t.Errorf("%+v: the probe moved by %g", c, apart)
		}
		if power := sumSquares(probe); !testutil.Close(power, 64*64, 0, 1e-6) {
			t.Errorf("%+v: the probe's power became %v", c, power)
		}
	}
}

// TestProbeIsInPhotons: of the data, or as many as --nphotons says. The default of the network's input is in the unit
// of the patterns, whatever the flag says.
func TestProbeIsInPhotons(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	scan := opened(t, simulated(t, 2, 1))
	power, err := scan.MeanPower()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ ask, want float64 }{{0, power}, {12345, 12345}} {
		config := small()
		config.Network, config.Extent, config.MaxEpochs, config.Photons = models.Unrolled, models.Full, 1, c.ask
		r, _ := request(config, scan, ort)
		result := train(t, r)
		// One float32 factor scales the probe.
		if got := optics.Power(result.Probes[0]); !testutil.Close(got, c.want, 0, 1e-6) {
			t.Errorf("asked for %v: the probe has %v photons, want %v", c.ask, got, c.want)
		}
		for name, m := range map[string]*onnxir.Model{"model": result.Model, "best": result.Best} {
			model := contractOf(t, m)
			if model.Photons != c.want || !testutil.Close(optics.Power(model.Probe), c.want, 0, 1e-6) {
				t.Errorf("asked for %v: %s says %v photons, its probe has %v", c.ask, name, model.Photons,
					optics.Power(model.Probe))
			}
			fed, err := contract.DefaultProbe(m, model)
			if err != nil {
				t.Fatal(err)
			}
			if !testutil.Close(optics.Power(fed), power, 0, 1e-6) {
				t.Errorf("asked for %v: the input of %s has the power %v, the patterns %v", c.ask, name,
					optics.Power(fed), power)
			}
		}
	}
}

// interrupted trains until stop, a number of batches, saves, and resumes to the end from the state.
func interrupted(t *testing.T, c Config, eng engine.Engine, stops ...int) (dir string, result *Result) {
	t.Helper()
	dir = t.TempDir()
	scan := opened(t, simulated(t, 6, 1))
	done := 0
	for _, stop := range stops {
		r, progress := request(c, scan, eng)
		r.Checkpoint = filepath.Join(dir, StateFile)
		if done > 0 {
			r.Resume = r.Checkpoint
		}
		ctx, cancel := context.WithCancel(context.Background())
		progress.afterBatch = func(batches int) {
			if done+batches == stop {
				cancel()
			}
		}
		if stop == 0 {
			cancel()
		}
		part, err := Train(ctx, r)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		done += len(progress.losses)
		if done != stop || !part.Cancelled {
			t.Fatalf("%d batches done, to be stopped after %d; cancelled: %v", done, stop, part.Cancelled)
		}
		if err := part.Save(dir); err != nil {
			t.Fatal(err)
		}
		if got := contractOf(t, part.Model); got.Epochs != part.State.Epoch {
			t.Errorf("the interrupted model says %d epochs, it had %d", got.Epochs, part.State.Epoch)
		}
	}
	r, _ := request(c, scan, eng)
	r.Checkpoint = filepath.Join(dir, StateFile)
	r.Resume = r.Checkpoint
	result = train(t, r)
	if err := result.Save(dir); err != nil {
		t.Fatal(err)
	}
	return dir, result
}

// TestResumedIsUndisturbed: a training stopped before its start, in the middle of an epoch and between epochs, and gone
// on with each time from its files, ends bit for bit as an undisturbed one.
func TestResumedIsUndisturbed(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	c := small()
	c.MaxEpochs, c.ValFraction, c.Probe, c.ProbeWarmUp = 3, 0.2, ProbeTrainable, 1
	c.Schedule, c.WarmUp, c.Clip = Cosine, 0.5, 0.05
	undisturbed, want := saved(t, c, ort, 1) // 5 groups in steps of two: three batches an epoch
	for _, stops := range [][]int{{0}, {2}, {3, 4}, {1, 5, 8}} {
		t.Run(fmt.Sprint(stops), func(t *testing.T) {
			t.Parallel()
			dir, got := interrupted(t, c, ort, stops...)
			same(t, "parameters", flatten(got.State.Parameters), flatten(want.State.Parameters))
			for _, name := range []string{ModelFile, BestFile, LossFile, ProbeFile} {
				if !bytes.Equal(read(t, dir, name), read(t, undisturbed, name)) {
					t.Errorf("%s differs", name)
				}
			}
			sameStates(t, StateFile, filepath.Join(dir, StateFile), filepath.Join(undisturbed, StateFile))
			if a, b := timeless(t, dir), timeless(t, undisturbed); !slices.EqualFunc(a, b, slices.Equal) {
				t.Errorf("%s: %v, want %v", MetricsFile, a, b)
			}
		})
	}
}

// A training in shards has the same bytes with any number of threads, and if others compute the shards, also from
// patterns on disk.
func TestATrainingDoesNotDependOnWhoComputes(t *testing.T) {
	t.Parallel()
	list := scans{opened(t, simulated(t, 9, 1)), opened(t, brighter(t, 8))}
	requestOf := func(threads int) Request {
		c := small()
		c.Gridsize, c.BatchSize, c.Shards, c.ValFraction, c.Threads = 2, 8, 2, 0.2, threads
		c.Probe, c.ProbePasses, c.Extent = ProbeTrainable, 1, models.Full
		r, _ := request(c, list[0], fast(t, threads))
		r.Scans = list
		return r
	}
	want := train(t, requestOf(1)).Model.Marshal()
	if got := train(t, requestOf(3)).Model.Marshal(); !bytes.Equal(got, want) {
		t.Error("another model with three threads")
	}
	var others shardsHere
	for threads := 1; threads <= 2; threads++ {
		r := requestOf(threads)
		if threads > 1 {
			r.MemoryLimit = 1
		}
		shards, err := NewTrainShards(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		defer shards.Close()
		others.workers = append(others.workers, shards)
	}
	r := requestOf(2)
	r.Exchange = others
	if got := train(t, r).Model.Marshal(); !bytes.Equal(got, want) {
		t.Error("another model if others compute the shards")
	}
	r.Config.Shards = 3
	_, err := Train(t.Context(), r)
	if bad := (*InputError)(nil); !errors.As(err, &bad) || bad.Key != "shards" {
		t.Errorf("three shards of two samples: %v", err)
	}
	if got := r.Config; got.ForExchange().Shards != 3 {
		t.Errorf("%d shards", got.ForExchange().Shards)
	}
	r.Config.Shards = 0
	if got := r.Config.ForExchange().Shards; got != 2 {
		t.Errorf("%d shards of two samples", got)
	}
}

// TestMoreEpochsGoOn: a finished training continues, when the schedule does not look at the end, as if it had always
// been longer.
func TestMoreEpochsGoOn(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	scan := opened(t, simulated(t, 4, 1))
	c := small()
	c.MaxEpochs = 3
	long, _ := request(c, scan, ort)
	want := train(t, long)

	c.MaxEpochs = 1
	short, _ := request(c, scan, ort)
	short.Checkpoint = filepath.Join(t.TempDir(), StateFile)
	train(t, short)
	c.MaxEpochs = 3
	longer, _ := request(c, scan, ort)
	longer.Resume = short.Checkpoint
	same(t, "parameters", flatten(train(t, longer).State.Parameters), flatten(want.State.Parameters))
}

func TestForeignStatesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, StateFile)
	r, _ := request(small(), opened(t, simulated(t, 2, 1)), engine.Tape{})
	net := r.network(1)
	step := &Step{}
	state := r.initialState(net, step, scans(r.Scans).probes(), []float64{1})
	save := func(name string, digest string) string {
		file := filepath.Join(dir, name)
		if err := state.SaveState(file, net.Specs(), digest); err != nil {
			t.Fatal(err)
		}
		return file
	}
	digest, err := r.Scans[0].ContentDigest()
	if err != nil {
		t.Fatal(err)
	}
	good := save("good.npz", digest)
	data := read(t, dir, "good.npz")
	if err := os.WriteFile(path, data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	version := func(format int64) string {
		file := filepath.Join(dir, fmt.Sprintf("version%d.npz", format))
		members := []npz.Member{{Key: "format", Value: format}, {Key: "data_sha256", Value: digest}}
		if err := npz.Write(file, members); err != nil {
			t.Fatal(err)
		}
		return file
	}
	state.Epoch = math.MaxInt32 - 1 // of which the file has no history
	endless := save("endless.npz", digest)
	state.Epoch, state.Best = 0, &Best{
		Epoch: 9, Parameters: state.Parameters, ProbeRe: state.ProbeRe, ProbeIm: state.ProbeIm,
	}
	unknown := save("unknown.npz", digest)
	wide := small()
	wide.FiltersScale = 2
	trained := small()
	trained.Probe = ProbeTrainable
	for name, c := range map[string]struct {
		file   string
		config Config
		key    string
	}{
		"other patterns":   {save("patterns.npz", "0123"), small(), "data_sha256"},
		"another network":  {good, wide, "parameter.encoder.0.conv.0.weight"},
		"no probe moments": {good, trained, ""},
		"a later version":  {version(stateFormat + 1), small(), "format"},
		"other batches":    {version(1), small(), "format"},
		"too many epochs":  {endless, small(), "history.epoch"},
		"no such epoch":    {unknown, small(), "best"},
		"half a file":      {path, small(), ""},
		"no file":          {filepath.Join(dir, "absent.npz"), small(), ""},
	} {
		q, progress := request(c.config, r.Scans[0], engine.Tape{})
		q.Resume = c.file
		var bad *badinput.Error
		if _, err := Train(context.Background(), q); !errors.As(err, &bad) || bad.File != c.file || c.key != "" &&
			bad.Key != c.key {
			t.Errorf("%s: error %v", name, err)
		}
		if len(progress.losses) > 0 {
			t.Errorf("%s: it trained", name)
		}
	}
}

func TestUnwritableStateIsAnError(t *testing.T) {
	t.Parallel()
	r, _ := request(small(), opened(t, simulated(t, 2, 1)), fast(t, 1))
	r.Checkpoint = filepath.Join(t.TempDir(), "absent", StateFile)
	if _, err := Train(context.Background(), r); err == nil || !strings.Contains(err.Error(), "epoch 1") {
		t.Errorf("error %v", err)
	}
}

// TestNaNStopsWithTheBatchNamed, before the parameters take it in.
func TestNaNStopsWithTheBatchNamed(t *testing.T) {
	t.Parallel()
	c := small()
	c.BatchSize = 1
	r, progress := request(c, opened(t, simulated(t, 3, 1)), fast(t, 1))
	net := r.network(1)
	r.Initial = net.Initialise(1)
	head := r.Initial[len(r.Initial)-1] // bias of the phase
	progress.afterBatch = func(int) { t.Error("a batch with a NaN counts as done") }
	head.Data[0] = float32(math.NaN())
	_, err := Train(context.Background(), r)
	if err == nil || !strings.Contains(err.Error(), "epoch 1, batch 1: the loss is NaN") {
		t.Errorf("error %v", err)
	}
}

// TestADivergingTrainingStops: at a learning rate beyond all reason the loss ends as NaN or Inf.
func TestADivergingTrainingStops(t *testing.T) {
	t.Parallel()
	c := small()
	c.LearningRate, c.MaxEpochs = 1e30, 50
	r, _ := request(c, opened(t, simulated(t, 2, 1)), fast(t, 1))
	_, err := Train(context.Background(), r)
	if err == nil || !strings.Contains(err.Error(), "epoch ") || !strings.Contains(err.Error(), "--learning-rate") {
		t.Errorf("error %v", err)
	}
}

func TestNaNInThePatternsIsTheUsersFault(t *testing.T) {
	t.Parallel()
	data := simulated(t, 3, 1)
	data.Patterns.Data[64*64+7] = float32(math.NaN())
	r, _ := request(small(), opened(t, data), engine.Tape{})
	var bad *badinput.Error
	if _, err := Train(context.Background(), r); !errors.As(err, &bad) || !strings.Contains(err.Error(), "frame 1") {
		t.Errorf("error %v", err)
	}
}

func TestClipLimitsTheGradient(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	scan := lit(t, 2)
	update := func(clip, eps float64) (first *State, norm float64) {
		c := small()
		c.Clip = clip
		b := bind(t, ort, c, scan, 1)
		adam := b.state.Optimiser.(*Adam)
		adam.Epsilon = eps
		if _, err := b.fitter.update(b.fitter.train, b.firstGroups(), b.fitter.rates(1, 1)); err != nil {
			t.Fatal(err)
		}
		square := 0.0
		for _, m := range adam.First {
			square += sumSquares(m.Data)
		}
		return b.state, math.Sqrt(square) / (1 - adam.Beta1) // the first moment is (1 - beta1) of the first gradient
	}
	free, norm := update(0, 1e3)
	for _, clip := range []float64{norm / 3, norm * 2} {
		state, clipped := update(clip, 1e3)
		// The norm is a sum of float32 squares, scaled by a float32 factor.
		if want := min(clip, norm); !testutil.Close(clipped, want, 0, 1e-6) {
			t.Errorf("clipped at %g: norm %g, want %g", clip, clipped, want)
		}
		if clip > norm {
			same(t, "parameters under a generous limit", flatten(state.Parameters), flatten(free.Parameters))
		}
	}
}

// TestEarlyStopAndBest: with a rate that spoils the network the first epochs are the best, and training ends by itself.
func TestEarlyStopAndBest(t *testing.T) {
	t.Parallel()
	c := small()
	c.MaxEpochs, c.EarlyStop, c.LearningRate = 30, 2, 0.3
	r, progress := request(c, opened(t, simulated(t, 4, 1)), fast(t, 1))
	result := train(t, r)
	best := 0
	for i, e := range progress.epochs {
		if e.TrainLoss < progress.epochs[best].TrainLoss {
			best = i
		}
	}
	if n := len(progress.epochs); n != best+1+2 {
		t.Errorf("%d epochs, the best was %d: %v", n, best+1, progress.epochs)
	}
	if got := contractOf(t, result.Best); got.Epochs != best+1 || got.TrainLoss != progress.epochs[best].TrainLoss {
		t.Errorf("the best model is of epoch %d, loss %v", got.Epochs, got.TrainLoss)
	}
	if got := contractOf(t, result.Model); got.Epochs != len(progress.epochs) {
		t.Errorf("the last model is of epoch %d", got.Epochs)
	}
	if bytes.Equal(result.Best.Marshal(), result.Model.Marshal()) {
		t.Error("best and last model are the same")
	}
}

func TestRunDirectory(t *testing.T) {
	t.Parallel()
	c := small()
	c.ValFraction = 0.2
	dir, result := saved(t, c, fast(t, 1), 1)
	var names []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{BestFile, ConfigFile, LossFile, MetricsFile, ModelFile, ProbeFile, ProbeImage, StateFile}
	if slices.Sort(want); !slices.Equal(names, want) {
		t.Errorf("the run directory holds %v, want %v", names, want)
	}
	for _, name := range []string{LossFile, ProbeImage} {
		if _, err := png.Decode(bytes.NewReader(read(t, dir, name))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, m, err := contract.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	last := result.State.History[1]
	if m.TrainLoss != last.TrainLoss || m.ValLoss != last.ValLoss || m.Seed != c.Seed || m.Loss != "poisson" ||
		m.Epochs != 2 || m.Engine != "ort" {
		t.Errorf("the model says %+v", m)
	}
	if m.Device == "" || m.DataDigest == "" || m.ProbeDigest != optics.ProbeDigest(m.Probe) {
		t.Errorf("the model's provenance is %q, %q, %q", m.Device, m.DataDigest, m.ProbeDigest)
	}
	probe, err := npz.Open(filepath.Join(dir, ProbeFile))
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	if p, err := probe.Complex64("probeGuess"); err != nil || !slices.Equal(p.Data, result.Probes[0].Data) {
		t.Errorf("%s does not hold the probe (%v)", ProbeFile, err)
	}
}

func TestMetricsFile(t *testing.T) {
	t.Parallel()
	dir, result := saved(t, small(), fast(t, 1), 1)
	rows, err := csv.NewReader(bytes.NewReader(read(t, dir, MetricsFile))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"epoch", "train_loss", "val_loss", "learning_rate", "seconds",
		"patterns_per_s"}; !slices.Equal(rows[0], want) {
		t.Errorf("columns %v, want %v", rows[0], want)
	}
	if len(rows) != 3 {
		t.Fatalf("%d lines for two epochs", len(rows))
	}
	for i, row := range rows[1:] {
		e := result.State.History[i]
		if row[0] != strconv.Itoa(i+1) || row[2] != "" { // no validation
			t.Errorf("line %v", row)
		}
		for column, value := range map[int]float64{1: e.TrainLoss, 3: e.LearningRate} {
			got, err := strconv.ParseFloat(row[column], 64)
			if err != nil || !testutil.Close(got, value, 0, 1e-7) { // eight digits
				t.Errorf("column %d holds %q, want %v", column, row[column], value)
			}
		}
		for column := 4; column < 6; column++ {
			if got, err := strconv.ParseFloat(row[column], 64); err != nil || !(got >= 0) {
				t.Errorf("column %d holds %q", column, row[column])
			}
		}
	}
	with := metricsCSV([]Epoch{{Number: 1, TrainLoss: 0.5, ValLoss: 0.25, LearningRate: 1e-3, Seconds: 1.5,
		PatternsPerSecond: 20}})
	if want := "1,0.5,0.25,0.001,1.500,20.0\n"; !bytes.HasSuffix(with, []byte(want)) {
		t.Errorf("with validation: %q", with)
	}
}

// TestNoEpochs: --max-epochs 0 exports the network as it was drawn.
func TestNoEpochs(t *testing.T) {
	t.Parallel()
	c := small()
	c.MaxEpochs = 0
	dir, result := saved(t, c, engine.Tape{}, 1)
	if result.Best != nil || result.Cancelled {
		t.Errorf("best %v, cancelled %v", result.Best, result.Cancelled)
	}
	m := contractOf(t, result.Model)
	if m.Epochs != 0 || !math.IsNaN(m.TrainLoss) {
		t.Errorf("the model says %d epochs, loss %v", m.Epochs, m.TrainLoss)
	}
	same(t, "parameters", flatten(result.State.Parameters), flatten(c.NetworkConfig(1).Initialise(c.Seed)))
	if rows := timeless(t, dir); len(rows) != 1 {
		t.Errorf("%d lines in %s", len(rows), MetricsFile)
	}
}

// fellBack is an engine that auto put on the CPU although CUDA is there.
type fellBack struct{ engine.Tape }

func (fellBack) Fallback() string { return "no kernel" }

// The result and its models state why the CPU trained them.
func TestTheModelStatesAFallback(t *testing.T) {
	t.Parallel()
	c := small()
	c.MaxEpochs = 0
	_, result := saved(t, c, fellBack{}, 1)
	if m := contractOf(t, result.Model); result.Fallback != "no kernel" || m.Fallback != "no kernel" {
		t.Errorf("the result states %q, the model %q", result.Fallback, m.Fallback)
	}
}

func TestInitialWeightsAreTaken(t *testing.T) {
	t.Parallel()
	c := small()
	c.MaxEpochs = 0
	r, _ := request(c, opened(t, simulated(t, 2, 1)), engine.Tape{})
	r.Initial = c.NetworkConfig(1).Initialise(99)
	same(t, "parameters", flatten(train(t, r).State.Parameters), flatten(c.NetworkConfig(1).Initialise(99)))
}

// TestBeginComesBeforeAnyStep, and its error ends the training.
func TestBeginComesBeforeAnyStep(t *testing.T) {
	t.Parallel()
	r, progress := request(small(), opened(t, simulated(t, 2, 1)), engine.Tape{})
	r.Checkpoint = filepath.Join(t.TempDir(), StateFile)
	refuse := errors.New("no room")
	r.Begin = func() error { return refuse }
	if _, err := Train(context.Background(), r); !errors.Is(err, refuse) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(r.Checkpoint); err == nil || len(progress.losses) > 0 {
		t.Error("the training went on")
	}
}

func TestNothingLeftToTrainOn(t *testing.T) {
	t.Parallel()
	r, _ := request(small(), opened(t, simulated(t, 2, 1)), engine.Tape{})
	r.Config.Gridsize = 2
	var bad *badinput.Error
	if _, err := Train(context.Background(), r); !errors.As(err, &bad) || bad.Key != "xcoords" {
		t.Errorf("groups of four from two patterns: error %v", err)
	}
	r.Config.Gridsize, r.Config.BatchSize = 1, 0
	if _, err := Train(context.Background(), r); !errors.As(err, &bad) || bad.Key != "batch_size" {
		t.Errorf("no batch size: error %v", err)
	}
	r.Config = small()
	r.Config.FiltersScale = 0
	if _, err := Train(context.Background(), r); !errors.As(err, &bad) || bad.Key != "n_filters_scale" {
		t.Errorf("no filters: error %v", err)
	}
}

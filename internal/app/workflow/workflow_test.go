package workflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	"ptyx/models"
	ort "ptyx/runtime"
	"ptyx/trainer"
)

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// simulated writes a small scan of n x n patterns.
func simulated(t *testing.T, n, count int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scan.npz")
	made, err := simulate.File(t.Context(), path, simulate.Options{
		N: n, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.Gaussian, ProbeSize: 16,
		Scan: simulate.Fermat, Count: count, Step: 4, Photons: 1e4, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if made.File != path || made.Patterns != count || made.Size != n {
		t.Errorf("made %+v", made)
	}
	return path
}

// options train the smallest network on four patterns. The library is the one of PTYX_ONNXRUNTIME; without it these
// tests fail.
func options(t *testing.T, kind engine.Kind) TrainOptions {
	t.Helper()
	return TrainOptions{
		TrainFiles: Paths{simulated(t, 64, 4)}, Input: dataset.Amplitude, OutputDir: filepath.Join(t.TempDir(), "run"),
		Engine: engine.Options{Kind: kind, Device: ort.CPU, Threads: 1},
		Config: trainer.Config{
			Mode: trainer.Physics, Gridsize: 1, Grouping: trainer.Shared, FiltersScale: 1, Extent: models.Centre,
			Loss: trainer.Poisson.Loss(), Seed: 3, MaxEpochs: 2, BatchSize: 2, LearningRate: 1e-3,
			Oversample: 1, Schedule: trainer.Cosine, WarmUp: 0.5, Probe: trainer.ProbeTrainable, ProbeRate: 1,
			Floor: trainer.DefaultFloor,
		},
	}
}

func trained(t *testing.T, o TrainOptions) *TrainResult {
	t.Helper()
	reached, err := Train(context.Background(), o, io.Discard, silent())
	if err != nil {
		t.Fatal(err)
	}
	return reached
}

// all selects all patterns of a scan, in batches of b.
func all(b int) reconstruct.Options { return reconstruct.Options{BatchSize: b} }

func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOptionsComeBackFromTheRunDirectory(t *testing.T) {
	want := TrainOptions{
		TrainFiles: Paths{"a.npz", "a2.npz"}, TestFiles: Paths{"b.npz"}, ProbeFiles: Paths{"c.npz", "c2.npz"},
		Input: dataset.Intensity, Layout: dataset.FramesLast, OutputDir: t.TempDir(),
		Export: "d.onnx", Init: "e.onnx", Memory: 99,
		Engine: engine.Options{Kind: engine.KindTape, Device: ort.CUDA, Threads: 3, Library: "lib.so"},
		Config: trainer.Config{
			Mode: trainer.Supervised, Gridsize: 2, Grouping: trainer.Channels, Neighbours: 6, Oversample: 5,
			Network: models.Unrolled, FiltersScale: 3, Extent: models.Full,
			Loss: trainer.Loss{Poisson: 0.25, MAE: 1, Smoothness: 1e-3}, Seed: 1<<64 - 1,
			MaxEpochs: 7, BatchSize: 5, LearningRate: 1.0 / 3, Schedule: trainer.Plateau, WarmUp: 0.1, Clip: 0.7,
			EarlyStop:   4,
			ValFraction: 0.15, Photons: 1e9, Probe: trainer.ProbeTrainable, ProbeRate: 0.3, ProbeWarmUp: 2, Patterns: 9,
			Floor: 0.01,
		},
	}
	if err := trainer.SaveConfig(want.OutputDir, want); err != nil {
		t.Fatal(err)
	}
	got, err := LoadTrainOptions(want.OutputDir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read back %+v, want %+v", got, want)
	}
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(want.OutputDir, moved); err != nil {
		t.Fatal(err)
	}
	if got, err = LoadTrainOptions(moved); err != nil || got.OutputDir != moved {
		t.Errorf("a run directory that was moved is at %q (%v)", got.OutputDir, err)
	}
}

// TestOneScanIsAStringInYAML, several are a list; both are read.
func TestOneScanIsAStringInYAML(t *testing.T) {
	for _, c := range []struct {
		paths Paths
		text  string
	}{
		{Paths{"a.npz"}, "train_data_file: a.npz\n"},
		{Paths{"a.npz", "b.npz"}, "train_data_file:\n    - a.npz\n    - b.npz\n"},
	} {
		o := TrainOptions{TrainFiles: c.paths, OutputDir: t.TempDir()}
		if err := trainer.SaveConfig(o.OutputDir, o); err != nil {
			t.Fatal(err)
		}
		if text := read(t, o.OutputDir, trainer.ConfigFile); !bytes.Contains(text, []byte(c.text)) {
			t.Errorf("%v is written as %s", c.paths, text)
		}
	}
	var p Paths
	if err := yaml.Unmarshal([]byte("{a: b}"), &p); err == nil {
		t.Errorf("a mapping is read as %v", p)
	}
}

func TestPatternsOfFileNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.npz", "a.npz", "c.txt", "[d].npz"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	at := func(names ...string) (p Paths) {
		for _, name := range names {
			p = append(p, filepath.Join(dir, name))
		}
		return p
	}
	for _, c := range []struct{ given, want Paths }{
		{nil, nil}, {at("b.npz", "a.npz"), at("b.npz", "a.npz")}, {at("?.npz"), at("a.npz", "b.npz")},
		{at("c.txt", "[ab].npz"), at("c.txt", "a.npz", "b.npz")}, {at("[d].npz"), at("[d].npz")},
		{at("absent.npz"), at("absent.npz")},
		{at("*.csv"), nil}, {at("[.npz"), nil}, {at("a.npz", "*.npz"), nil},
	} {
		got, err := c.given.expand("--train-data-file")
		var bad *badinput.Error
		if refused := c.given != nil && c.want == nil; refused != errors.As(err, &bad) || !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, %v", c.given, got, err)
		}
	}
}

// TestSeveralScans: given as a pattern, one training, one probe each, and resumed from its run directory.
func TestSeveralScans(t *testing.T) {
	o := options(t, engine.KindORT)
	dir := t.TempDir()
	for i, name := range []string{"a.npz", "b.npz"} {
		if err := os.Rename(simulated(t, 64, 3+i), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	o.TrainFiles = Paths{filepath.Join(dir, "*.npz")}
	o.TestFiles = Paths{filepath.Join(dir, "a.npz")}
	o.Config.MaxEpochs = 1
	trained(t, o)
	resumed, err := LoadTrainOptions(o.OutputDir)
	if err != nil {
		t.Fatal(err)
	}
	want := Paths{filepath.Join(dir, "a.npz"), filepath.Join(dir, "b.npz")}
	if !slices.Equal(resumed.TrainFiles, want) {
		t.Errorf("%s says %v, want %v", trainer.ConfigFile, resumed.TrainFiles, want)
	}
	// A scan that comes later is no part of the training.
	if err := os.Rename(simulated(t, 64, 2), filepath.Join(dir, "c.npz")); err != nil {
		t.Fatal(err)
	}
	resumed.Resume, resumed.Config.MaxEpochs = true, 2
	if reached := trained(t, resumed); reached.Epochs != 2 {
		t.Errorf("reached %v", reached)
	}
	if _, err := infer(t, o.OutputDir, filepath.Join(dir, "b.npz"), engine.KindORT, 4); err != nil {
		t.Error(err)
	}

	// A probe for all, a probe for each, but nothing in between.
	for count, fits := range map[int]bool{1: true, 2: false, 3: true} {
		q := o
		q.OutputDir, q.Config.MaxEpochs, q.ProbeFiles, q.TestFiles = filepath.Join(t.TempDir(), "run"), 0, nil, nil
		for range count {
			q.ProbeFiles = append(q.ProbeFiles, filepath.Join(dir, "a.npz"))
		}
		q.Engine.Kind = engine.KindTape
		var bad *badinput.Error
		if _, err := Train(context.Background(), q, io.Discard, silent()); fits != (err == nil) ||
			!fits && !errors.As(err, &bad) {
			t.Errorf("%d probe files for 3 scans: %v", count, err)
		}
	}
}

// TestEverySettingIsKept: a field that config.yaml leaves out would be lost by a training run again. Those without a
// key are known from elsewhere: N from the scan, the optimiser's threads from the engine's, the log, the report of a
// fallback and the workers, on which the model does not depend, from the caller.
func TestEverySettingIsKept(t *testing.T) {
	known := []string{"Resume", "Live", "Quiet", "Log", "Profile", "Fallback", "N", "Threads of Config", "Cluster"}
	var check func(kind reflect.Type)
	check = func(kind reflect.Type) {
		for i := range kind.NumField() {
			f := kind.Field(i)
			tag := f.Tag.Get("yaml")
			name := f.Name
			if name == "Threads" && kind == reflect.TypeFor[trainer.Config]() {
				name += " of Config"
			}
			switch {
			case tag == ",inline":
				check(f.Type)
			case tag == "":
				t.Errorf("%s.%s has no key", kind, f.Name)
			case tag == "-" && !slices.Contains(known, name):
				t.Errorf("%s.%s is not written to config.yaml", kind, f.Name)
			}
		}
	}
	check(reflect.TypeFor[TrainOptions]())
}

func TestUnreadableConfigurations(t *testing.T) {
	for name, text := range map[string]string{
		"no file": "", "an unknown key": "train_data_file: a.npz\ncolour: red\n", "no YAML": "{",
		"a word for a number": "max_epochs: many\n",
		"an unknown engine":   "engine: steam\n", "an unknown loss": "loss: l7\n",
	} {
		dir := t.TempDir()
		if text != "" {
			if err := os.WriteFile(filepath.Join(dir, trainer.ConfigFile), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var bad *badinput.Error
		if _, err := LoadTrainOptions(dir); !errors.As(err, &bad) || !strings.HasPrefix(bad.File, dir) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestConfigurationRunsTheSame: what config.yaml says, run again in another directory, gives the same model.
func TestConfigurationRunsTheSame(t *testing.T) {
	o := options(t, engine.KindORT)
	trained(t, o)
	again, err := LoadTrainOptions(o.OutputDir)
	if err != nil {
		t.Fatal(err)
	}
	again.OutputDir = filepath.Join(t.TempDir(), "again")
	trained(t, again)
	for _, name := range []string{trainer.ModelFile, trainer.BestFile, trainer.ProbeFile, trainer.LossFile} {
		if !bytes.Equal(read(t, o.OutputDir, name), read(t, again.OutputDir, name)) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestTrainReportsItsResult(t *testing.T) {
	o := options(t, engine.KindORT)
	o.Export = filepath.Join(t.TempDir(), "model.onnx")
	var stderr bytes.Buffer
	reached, err := Train(context.Background(), o, &stderr, silent())
	if err != nil {
		t.Fatal(err)
	}
	said := reached.String()
	if !strings.HasPrefix(said, o.Export+": 2 epochs on CPUExecutionProvider, train loss 0.") ||
		reached.ValidationLoss != nil {
		t.Errorf("said %q, validation loss %v", said, reached.ValidationLoss)
	}
	if lines := strings.Count(stderr.String(), "\n"); lines != 2 ||
		!strings.HasPrefix(stderr.String(), "epoch 1/2  train ") {
		t.Errorf("reported %q", stderr.String())
	}
	if !bytes.Equal(read(t, o.Export), read(t, o.OutputDir, trainer.ModelFile)) {
		t.Error("the exported model is not that of the run directory")
	}
	stderr.Reset()
	o.Quiet = true
	if _, err := Train(context.Background(), o, &stderr, silent()); err != nil || stderr.Len() > 0 {
		t.Errorf("quiet: reported %q (%v)", stderr.String(), err)
	}
}

// stopper cancels when the first epoch is reported.
type stopper struct{ cancel context.CancelFunc }

func (s stopper) Write(p []byte) (int, error) {
	s.cancel()
	return len(p), nil
}

// TestInterruptedTrainingIsUsable: its model infers, and resumed it ends as one that was left alone.
func TestInterruptedTrainingIsUsable(t *testing.T) {
	whole := options(t, engine.KindORT)
	trained(t, whole)

	cut := whole
	cut.OutputDir = filepath.Join(t.TempDir(), "cut")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	reached, err := Train(ctx, cut, stopper{cancel}, silent())
	var interrupted Interrupted
	if !errors.As(err, &interrupted) || !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if *reached != interrupted.Saved || reached.Model != filepath.Join(cut.OutputDir, trainer.ModelFile) ||
		reached.Epochs != 1 ||
		!reached.Interrupted {
		t.Errorf("reached %+v, saved %+v", reached, interrupted.Saved)
	}
	if bytes.Equal(read(t, cut.OutputDir, trainer.ModelFile), read(t, whole.OutputDir, trainer.ModelFile)) {
		t.Error("the training was not interrupted")
	}
	if _, err := infer(t, cut.OutputDir, cut.TrainFiles[0], engine.KindORT, 4); err != nil {
		t.Errorf("inference with the interrupted model: %v", err)
	}
	resumed, err := LoadTrainOptions(cut.OutputDir)
	if err != nil {
		t.Fatal(err)
	}
	resumed.Resume = true
	trained(t, resumed)
	for _, name := range []string{trainer.ModelFile, trainer.BestFile} {
		if !bytes.Equal(read(t, cut.OutputDir, name), read(t, whole.OutputDir, name)) {
			t.Errorf("%s differs from that of a training left alone", name)
		}
	}
}

// TestKilledTrainingResumes: killed before its first epoch was done it begins anew, and whenever it was killed in the
// middle of a write, what it left half-written is tidied up.
func TestKilledTrainingResumes(t *testing.T) {
	whole := options(t, engine.KindORT)
	trained(t, whole)
	killed := whole
	killed.OutputDir = filepath.Join(t.TempDir(), "killed")
	if err := os.MkdirAll(killed.OutputDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := trainer.SaveConfig(killed.OutputDir, killed); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(killed.OutputDir, ".state.npz8674665223082153551")
	mine := filepath.Join(killed.OutputDir, ".state.npz.kept")
	for _, path := range []string{half, mine} {
		if err := os.WriteFile(path, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	resumed, err := LoadTrainOptions(killed.OutputDir)
	if err != nil {
		t.Fatal(err)
	}
	resumed.Resume = true
	trained(t, resumed)
	for _, name := range []string{trainer.ModelFile, trainer.BestFile} {
		if !bytes.Equal(read(t, killed.OutputDir, name), read(t, whole.OutputDir, name)) {
			t.Errorf("%s differs from that of a training left alone", name)
		}
	}
	if _, err := os.Stat(half); err == nil {
		t.Error("a half-written file was left")
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error("a file of somebody else's was removed")
	}
}

// infer reconstructs into a new directory, which it returns.
func infer(t *testing.T, model, scan string, kind engine.Kind, batch int) (string, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	_, err := Infer(context.Background(), InferOptions{
		Model: model, Scan: scan, Read: dataset.Options{Input: dataset.Amplitude}, OutputDir: dir,
		Selection: all(batch), Engine: engine.Options{Kind: kind, Device: ort.CPU, Threads: 1},
	}, silent())
	return dir, err
}

func object(t *testing.T, dir string) *ndarray.Complex64 {
	t.Helper()
	file, err := npz.Open(filepath.Join(dir, reconstruct.ObjectFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	o, err := file.Complex64("object")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestEnginesInferTheSame: the checkpoint read back into a graph, against ONNX Runtime, from the file and from the run
// directory, for single patterns and for channels.
func TestEnginesInferTheSame(t *testing.T) {
	for _, grouping := range []trainer.Grouping{trainer.Shared, trainer.Channels} {
		o := options(t, engine.KindTape)
		o.Config.Gridsize, o.Config.Grouping, o.Config.MaxEpochs = 2, grouping, 1
		trained(t, o)
		want, err := infer(t, filepath.Join(o.OutputDir, trainer.ModelFile), o.TrainFiles[0], engine.KindORT, 3)
		if err != nil {
			t.Fatal(err)
		}
		got, err := infer(t, o.OutputDir, o.TrainFiles[0], engine.KindTape, 4)
		if err != nil {
			t.Fatal(err)
		}
		a, b := object(t, got), object(t, want)
		if !ndarray.SameShape(a.Shape, b.Shape) {
			t.Fatalf("objects of shape %v and %v", a.Shape, b.Shape)
		}
		// Amplitudes and phases are of order 1; fifteen layers of float32 sums of some 10^3 terms differ by their
		// order.
		const tolerance = 1e-4
		for i := range a.Data {
			if d := a.Data[i] - b.Data[i]; !(math.Hypot(float64(real(d)), float64(imag(d))) <= tolerance) {
				t.Fatalf("%s: pixel %d is %v on the tape, %v in ONNX Runtime", grouping, i, a.Data[i], b.Data[i])
			}
		}
	}
}

// TestLayoutOfACube: as many patterns as pixels, in the legacy order, cannot be told by their shape.
func TestLayoutOfACube(t *testing.T) {
	const n = 64
	path := simulated(t, n, n)
	file, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	legacy := filepath.Join(t.TempDir(), "legacy.npz")
	members := []npz.Member{}
	for _, key := range []string{dataset.KeyX, dataset.KeyY} {
		values, err := file.Float64s(key)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, npz.Member{Key: key, Value: values})
	}
	patterns, err := file.Float32(dataset.KeyPatterns, 1, 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	probe, err := file.Complex64(dataset.KeyProbe)
	if err != nil {
		t.Fatal(err)
	}
	members = append(members, npz.Member{Key: dataset.KeyPatterns, Value: patterns})
	if err := npz.Write(legacy, append(members, npz.Member{Key: dataset.KeyProbe, Value: probe})); err != nil {
		t.Fatal(err)
	}
	digests := map[string]bool{}
	layouts := map[string]dataset.Orientation{path: dataset.OrientationAuto, legacy: dataset.FramesLast}
	for scan, layout := range layouts {
		o := options(t, engine.KindORT)
		o.TrainFiles, o.Layout, o.Config.MaxEpochs = Paths{scan}, layout, 0
		trained(t, o)
		_, _, c, err := contract.Load(o.OutputDir)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "out")
		infer := InferOptions{
			Model: o.OutputDir, Scan: scan, Read: dataset.Options{Orientation: layout}, OutputDir: out,
			Selection: all(16), Engine: o.Engine,
		}
		if _, err := Infer(context.Background(), infer, silent()); err != nil {
			t.Fatal(err)
		}
		digests[c.DataDigest+fmt.Sprint(object(t, out).Data)] = true
	}
	if len(digests) != 1 {
		t.Error("the legacy cube gives other data or another object")
	}
}

func TestInferRefuses(t *testing.T) {
	o := options(t, engine.KindTape)
	o.Config.MaxEpochs = 0
	trained(t, o)
	garbage := filepath.Join(t.TempDir(), "garbage.onnx")
	if err := os.WriteFile(garbage, []byte("no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		model, scan string
		batch       int
	}{
		"no model":                 {"absent.onnx", o.TrainFiles[0], 4},
		"no ONNX":                  {garbage, o.TrainFiles[0], 4},
		"a directory without one":  {t.TempDir(), o.TrainFiles[0], 4},
		"no scan":                  {o.OutputDir, "absent.npz", 4},
		"patterns of another size": {o.OutputDir, simulated(t, 128, 1), 4},
		"no batch size":            {o.OutputDir, o.TrainFiles[0], 0},
	} {
		var bad *badinput.Error
		dir, err := infer(t, c.model, c.scan, engine.KindTape, c.batch)
		if !errors.As(err, &bad) {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: an output directory was left", name)
		}
	}
}

func TestTrainRefusesAndLeavesNothing(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage.onnx")
	if err := os.WriteFile(garbage, []byte("no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	larger, unusual := simulated(t, 128, 1), simulated(t, 96, 4)
	other := options(t, engine.KindTape)
	other.TrainFiles, other.Config.MaxEpochs = Paths{larger}, 0
	trained(t, other)
	for name, spoil := range map[string]func(*TrainOptions){
		"no scans at all":                func(o *TrainOptions) { o.TrainFiles = nil },
		"a pattern without a match":      func(o *TrainOptions) { o.TrainFiles = Paths{"absent*.npz"} },
		"one scan twice":                 func(o *TrainOptions) { o.TrainFiles = slices.Repeat(o.TrainFiles, 2) },
		"scans of two sizes":             func(o *TrainOptions) { o.TrainFiles = Paths{o.TrainFiles[0], larger} },
		"no scan":                        func(o *TrainOptions) { o.TrainFiles = Paths{"absent.npz"} },
		"no validation scan":             func(o *TrainOptions) { o.TestFiles = Paths{"absent.npz"} },
		"validation of another size":     func(o *TrainOptions) { o.TestFiles = other.TrainFiles },
		"a size without a network":       func(o *TrainOptions) { o.TrainFiles = Paths{unusual} },
		"no probe":                       func(o *TrainOptions) { o.ProbeFiles = Paths{"absent.npz"} },
		"no weights to start from":       func(o *TrainOptions) { o.Init = "absent.onnx" },
		"weights that are none":          func(o *TrainOptions) { o.Init = garbage },
		"weights for another size":       func(o *TrainOptions) { o.Init = other.OutputDir },
		"a learning rate of 0":           func(o *TrainOptions) { o.Config.LearningRate = 0 },
		"more neighbours than there are": func(o *TrainOptions) { o.Config.Gridsize = 3 },
		"less than no memory":            func(o *TrainOptions) { o.Memory = -1 },
		"nothing to resume":              func(o *TrainOptions) { o.Resume = true },
		"an export into no directory":    func(o *TrainOptions) { o.Export = "absent/model.onnx" },
		"an export onto a directory":     func(o *TrainOptions) { o.Export = other.OutputDir },
		"CUDA in Go":                     func(o *TrainOptions) { o.Engine.Device = ort.CUDA },
		"less than one thread":           func(o *TrainOptions) { o.Engine.Threads = -1 },
		"more threads than any machine":  func(o *TrainOptions) { o.Engine.Threads = 1e6 },
	} {
		o := options(t, engine.KindTape)
		spoil(&o)
		var bad *badinput.Error
		if _, err := Train(context.Background(), o, io.Discard, silent()); !errors.As(err, &bad) {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := os.Stat(o.OutputDir); err == nil {
			t.Errorf("%s: a run directory was left", name)
		}
	}
}

// TestStartingFromACheckpoint: sizes and weights are the model's, whatever the flags say of them, and config.yaml says
// so.
func TestStartingFromACheckpoint(t *testing.T) {
	first := options(t, engine.KindTape)
	config := &first.Config
	config.Gridsize, config.Grouping, config.Extent, config.MaxEpochs = 2, trainer.Channels, models.Full, 0
	trained(t, first)
	second := options(t, engine.KindTape)
	second.Init, second.Config.Seed, second.Config.FiltersScale, second.Config.MaxEpochs = first.OutputDir, 99, 2, 0
	trained(t, second)
	written, err := LoadTrainOptions(second.OutputDir)
	if err != nil {
		t.Fatal(err)
	}
	if c := written.Config; c.Gridsize != 2 || c.Grouping != trainer.Channels || c.Extent != models.Full ||
		c.FiltersScale != 1 {
		t.Errorf("%s says %+v", trainer.ConfigFile, c)
	}
	// The graphs hold the same weights, and the scans are the same: only the seed in the metadata tells them apart.
	_, a, c, err := contract.Load(first.OutputDir)
	if err != nil {
		t.Fatal(err)
	}
	_, b, d, err := contract.Load(second.OutputDir)
	if err != nil {
		t.Fatal(err)
	}
	if c.Seed != 3 || d.Seed != 99 {
		t.Errorf("seeds %d and %d", c.Seed, d.Seed)
	}
	if !reflect.DeepEqual(a.Graph, b.Graph) {
		t.Error("the weights are others")
	}
}

func TestEngineNames(t *testing.T) {
	for _, name := range []string{"ort", "tape"} {
		var k engine.Kind
		if err := k.UnmarshalText([]byte(name)); err != nil || string(k) != name {
			t.Errorf("%s is read as %q (%v)", name, k, err)
		}
	}
	var k engine.Kind
	if err := k.UnmarshalText([]byte("steam")); err == nil {
		t.Error("steam is taken for an engine")
	}
	if n := (engine.Options{Threads: 3}).ThreadCount(); n != 3 {
		t.Errorf("3 threads asked for, %d taken", n)
	}
	if n := (engine.Options{}).ThreadCount(); n < 1 {
		t.Errorf("%d threads by default", n)
	}
}

func TestMissingLibraryIsReported(t *testing.T) {
	o := options(t, engine.KindORT)
	o.Engine.Library = filepath.Join(t.TempDir(), "absent.so")
	if _, err := Train(context.Background(), o, io.Discard, silent()); err == nil ||
		!strings.Contains(err.Error(), "absent.so") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(o.OutputDir); err == nil {
		t.Error("a run directory was left")
	}
}

// A place that cannot be written to is known before the work, and the file in its way is left as it was.
func TestPlacesAreCheckedFirst(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := options(t, engine.KindTape)
	o.OutputDir = filepath.Join(file, "run")
	_, trainErr := Train(context.Background(), o, io.Discard, silent())
	_, inferErr := Infer(
		context.Background(),
		InferOptions{Model: "absent.onnx", Scan: "absent.npz", OutputDir: file, Selection: all(1)}, silent(),
	)
	_, simulateErr := simulate.File(t.Context(), filepath.Join(file, "scan.npz"), simulate.Options{N: 65})
	for name, err := range map[string]error{"train": trainErr, "infer": inferErr, "simulate": simulateErr} {
		var bad *badinput.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), "found a file at "+file) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "kept" {
		t.Errorf("the file holds %q (%v)", data, err)
	}
}

// The file of a solver's object states why the CPU made it, as the file of a network's does.
func TestASolutionStatesItsFallback(t *testing.T) {
	s := &solve.Solution{
		Object: ndarray.New[complex64](8, 8), Coverage: ndarray.New[float32](8, 8), Spread: ndarray.New[float32](8, 8),
		Probe: ndarray.New[complex64](1, 4, 4), Device: ort.CPUProvider, Fallback: "no kernel",
	}
	var b bytes.Buffer
	path := filepath.Join(t.TempDir(), reconstruct.ObjectFile)
	if err := (solution{}).result(s).Encode(&b, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := npz.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if text, err := file.String(reconstruct.KeyFallback); err != nil || text != "no kernel" {
		t.Errorf("the file states %q: %v", text, err)
	}
}

package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ptyx/export"
	"ptyx/internal/base/badinput"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/general"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	"ptyx/models"
	ort "ptyx/runtime"
	"ptyx/trainer"
)

// pretraining is of the smallest network, for 16 patterns of 32 pixels in two rounds.
func pretraining(t *testing.T) PretrainOptions {
	t.Helper()
	c := trainer.DefaultPretrainConfig()
	c.Seed, c.Patterns, c.FiltersScale, c.Round, c.WarmUp, c.N = 7, 16, 1, 8, 2, 32
	c.BatchSize, c.Group, c.Shards = 4, 2, 2
	c.Sizes = []trainer.SizeShare{{N: 32, Share: 1}}
	return PretrainOptions{
		OutputDir: filepath.Join(t.TempDir(), "run"), Config: c, Quiet: true,
		Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 1},
	}
}

// A pretraining leaves a model that reconstructs a scan, and a line for each round.
func TestAPretrainedModelReconstructs(t *testing.T) {
	o := pretraining(t)
	solved := simulated(t, 32, 12)
	o.With, o.Config.SolvedShare = Paths{solved}, 0.5
	result, err := Pretrain(t.Context(), o, io.Discard, silent())
	if err != nil {
		t.Fatal(err)
	}
	if result.Patterns != 16 || result.Interrupted || !(result.HeldOut > 0) {
		t.Errorf("result %+v", result)
	}
	lines := strings.Split(strings.TrimSpace(string(read(t, o.OutputDir, RoundsFile))), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d rounds", len(lines))
	}
	for i, line := range lines {
		var round PretrainRound
		if err := json.Unmarshal([]byte(line), &round); err != nil {
			t.Fatal(err)
		}
		if round.Round != i+1 || round.Patterns != 8*(i+1) || len(round.HeldOut) < 10 || len(round.Scans) != 4 {
			t.Errorf("round %+v", round)
		}
		for _, s := range round.Scans {
			if !(s.Correlation > 0.2) { // the untrained physics alone reaches more
				t.Errorf("correlation %g at step %g", s.Correlation, s.Step)
			}
		}
	}
	if dir, err := infer(t, o.OutputDir, solved, engine.KindORT, 4); err != nil {
		t.Error(err)
	} else if object(t, dir).Shape[0] < 32 {
		t.Error("no object")
	}
}

// An interrupted pretraining resumes from its directory alone, also with more patterns.
func TestAnInterruptedPretrainingResumes(t *testing.T) {
	o := pretraining(t)
	ctx, cancel := context.WithCancel(t.Context())
	o.Quiet = false // the first line of progress cancels
	_, err := Pretrain(ctx, o, stopper{cancel}, silent())
	if stopped := (Interrupted{}); !errors.As(err, &stopped) {
		t.Fatalf("got %v", err)
	}
	again, err := LoadPretrainOptions(o.OutputDir)
	if err != nil {
		t.Fatal(err)
	}
	want := o
	want.Resume, want.Quiet = true, false
	if !reflect.DeepEqual(again, want) {
		t.Errorf("read back %+v, want %+v", again, want)
	}
	again.Config.Patterns, again.Quiet = 24, true
	result, err := Pretrain(t.Context(), again, io.Discard, silent())
	if err != nil || result.Patterns != 24 {
		t.Errorf("result %+v, %v", result, err)
	}
}

// withoutObject writes a scan that nobody has solved.
func withoutObject(t *testing.T) string {
	t.Helper()
	data, err := simulate.Run(t.Context(), simulate.Options{
		N: 32, Object: simulate.Blobs, Probe: simulate.Gaussian, ProbeSize: 8, Scan: simulate.Fermat, Count: 4, Step: 4,
		Photons: 1e4,
	})
	if err != nil {
		t.Fatal(err)
	}
	data.Object = nil
	path := filepath.Join(t.TempDir(), "bare.npz")
	if err := dataset.Write(path, data); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPretrainRefuses(t *testing.T) {
	bare := withoutObject(t)
	for name, change := range map[string]func(o *PretrainOptions){
		"no patterns":   func(o *PretrainOptions) { o.Config.Patterns = 0 },
		"a size":        func(o *PretrainOptions) { o.Config.N = 33 },
		"no shards":     func(o *PretrainOptions) { o.Config.Shards = 0 },
		"a group":       func(o *PretrainOptions) { o.Config.Group = 3 },
		"a share":       func(o *PretrainOptions) { o.Config.SolvedShare = 2 },
		"not solved":    func(o *PretrainOptions) { o.With = Paths{bare} },
		"no such scan":  func(o *PretrainOptions) { o.With = Paths{"none.npz"} },
		"no such model": func(o *PretrainOptions) { o.Init = "none.onnx" },
	} {
		o := pretraining(t)
		change(&o)
		_, err := Pretrain(t.Context(), o, io.Discard, silent())
		if bad := (*badinput.Error)(nil); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Without a model, infer uses the general network: here on patterns of another size than that of the file inside. The
// object must be better than what the physics alone makes of such a scan, about 0.8.
func TestInferWithoutAModel(t *testing.T) {
	scan := simulated(t, 40, 60)
	dir := filepath.Join(t.TempDir(), "out")
	o := InferOptions{
		Scan: scan, Read: dataset.Options{Input: dataset.Amplitude}, OutputDir: dir, Selection: all(8),
		Probe:  ProbeChoice{From: ScanProbe, Passes: solve.CalibrationPasses},
		Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 1},
	}
	if _, err := Infer(t.Context(), o, silent()); err != nil {
		t.Fatal(err)
	}
	truth, err := dataset.Open(scan, dataset.Options{Input: dataset.Amplitude})
	if err != nil {
		t.Fatal(err)
	}
	defer truth.Close()
	report, err := metrics.Compare(metrics.Image{Object: object(t, dir)}, metrics.Image{Object: truth.Object},
		metrics.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("correlation %.3f", report.Correlation)
	if !(report.Correlation > 0.8) {
		t.Errorf("correlation %g", report.Correlation)
	}
	o.Probe = ProbeChoice{}
	_, err = Infer(t.Context(), o, silent())
	if bad := (*badinput.Error)(nil); !errors.As(err, &bad) || bad.Key != "--probe" {
		t.Errorf("a model's probe without a model: %v", err)
	}
}

// A training without epochs has the weights that it starts from.
func TestTrainingStartsFromTheGeneralNetwork(t *testing.T) {
	weights, err := general.Weights()
	if err != nil {
		t.Fatal(err)
	}
	for init, want := range map[string]string{general.Name: general.Name, NoInit: NoInit, "": NoInit} {
		o := options(t, engine.KindTape)
		o.TrainFiles = Paths{simulated(t, 40, 4)} // another size than that of the file inside
		c := &o.Config
		c.Network, c.FiltersScale, c.Extent, c.MaxEpochs = models.Unrolled, 2, models.Full, 0
		o.Init = init
		trained(t, o)
		written, err := LoadTrainOptions(o.OutputDir)
		if err != nil || written.Init != want {
			t.Errorf("%q: %s says %q, %v", init, trainer.ConfigFile, written.Init, err)
		}
		c.N = 40
		got, err := export.Weights(read(t, o.OutputDir, trainer.ModelFile), c.NetworkConfig(1))
		if err != nil {
			t.Fatal(err)
		}
		if same := slices.Equal(got[0].Data, weights[0].Data); same != (want == general.Name) {
			t.Errorf("%q: the weights of the general network: %v", init, same)
		}
	}
}

// A network that the general one does not fit is drawn from the seed.
func TestOtherNetworksStartFromTheSeed(t *testing.T) {
	for name, change := range map[string]func(c *trainer.Config){
		"pattern": func(c *trainer.Config) { c.Network = models.Pattern },
		"wider":   func(c *trainer.Config) { c.Network, c.FiltersScale = models.Unrolled, 4 },
	} {
		o := TrainOptions{Init: general.Name, Config: trainer.DefaultConfig()}
		o.Config.N = 64
		if got := o.start(silent()); got != general.Name {
			t.Errorf("the default network starts from %q", got)
		}
		if change(&o.Config); o.start(silent()) != NoInit {
			t.Errorf("%s: starts from %q", name, o.start(silent()))
		}
	}
}

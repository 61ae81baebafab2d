package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"gopkg.in/yaml.v3"

	"ptyx/internal/app/workflow"
	"ptyx/trainer"
)

// trainOptions parses a command line of train.
func trainOptions(t *testing.T, args ...string) workflow.TrainOptions {
	t.Helper()
	var c cli
	parser, err := newParser(&c)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(append([]string{"train"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.Train.options(&appContext{Parsed: parsed})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestDefaultsAreTheTrainers holds the flags' defaults to those of the trainer as a package.
func TestDefaultsAreTheTrainers(t *testing.T) {
	t.Parallel()
	if got, want := trainOptions(t, "--train-data-file=scan.npz").Config, trainer.DefaultConfig(); got != want {
		t.Errorf("without flags %+v, want %+v", got, want)
	}
}

// notSettings are the flags of train that its configuration does not hold.
var notSettings = map[string]bool{
	"help": true, "verbose": true, "quiet": true, "resume": true, "config": true, "live": true, "disable-mlflow": true,
	"dry-run": true, "json": true, "insecure": true, "layout-file": true, "nats": true, "token-file": true,
	"tls-ca": true, "creds": true,
}

// changed gives each setting of train, but --loss, a value other than its default.
var changed = map[string]string{
	"train-data-file": "a.npz", "test-data-file": "b.npz", "probe-file": "p.npz", "output-dir": "o", "export": "e.onnx",
	"init": "i.onnx", "memory-limit": "7", "input": "intensity", "layout": "frames-last", "max-epochs": "3",
	"n-images": "9", "gridsize": "3", "neighbours": "11", "oversample": "2", "batch-size": "18", "grouping": "channels",
	"learning-rate": "0.5", "schedule": "plateau", "warm-up": "2", "mode": "supervised", "poisson-weight": "0.3",
	"mae-weight": "0.7", "smoothness": "0.1", "clip": "4", "early-stop": "5", "val-fraction": "0.25", "nphotons": "1e6",
	"seed": "8", "network": "pattern", "n-filters-scale": "3", "object-extent": "centre", "probe": "fixed",
	"probe-passes": "1", "probe-rate": "0.1", "probe-warm-up": "6", "crop": "64", "bin": "2", "positions-file": "q.h5",
	"sample-motion": "true", "swap-xy": "true", "flip-x": "true", "flip-y": "true", "pixel-size-nm": "1",
	"energy-ev": "2", "distance-m": "3", "detector-pixel-um": "4", "hdf5": "h", "engine": "tape", "device": "cuda",
	"threads": "5", "onnxruntime": "r", "profile": "f", "patterns": "p", "x": "x", "y": "y", "unit": "um",
	"mask": "m.h5", "raster": "3x4", "step-nm": "20", "rotation-deg": "9", "electrons": "true", "follow-links": "l",
	"shards": "3",
}

// TestEveryFlagOfTrainCounts: each flag changes the options by itself, without a configuration file and over one.
func TestEveryFlagOfTrainCounts(t *testing.T) {
	t.Parallel()
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	before := trainOptions(t, "--train-data-file=scan.npz")
	file := configFile(t, before)
	for _, f := range parser.Model.Children[0].Flags {
		if notSettings[f.Name] || f.Name == "loss" {
			continue
		}
		value, ok := changed[f.Name]
		if !ok {
			t.Errorf("--%s is not tested", f.Name)
			continue
		}
		flag := "--" + f.Name + "=" + value
		alone := trainOptions(t, "--train-data-file=scan.npz", flag)
		if f.Name == "train-data-file" {
			alone = trainOptions(t, flag)
		}
		if reflect.DeepEqual(alone, before) {
			t.Errorf("%s changes nothing", flag)
		}
		if got := trainOptions(t, "--config="+file, flag); !reflect.DeepEqual(got, alone) {
			t.Errorf("%s over a file gives %+v, want %+v", flag, got, alone)
		}
	}
}

// TestGivenFlagsWin: flags on the command line replace those of the file, and nothing else does.
func TestGivenFlagsWin(t *testing.T) {
	var args []string
	for name, value := range changed {
		args = append(args, "--"+name+"="+value)
	}
	all := trainOptions(t, args...)
	other := configFile(t, trainOptions(t, "--train-data-file=s.npz"))
	if got := trainOptions(t, append(args, "--config="+other)...); !reflect.DeepEqual(got, all) {
		t.Errorf("all flags over a file give %+v, want %+v", got, all)
	}
	file := configFile(t, all)
	unchanged := all
	unchanged.Engine.Profile = "" // which the file does not hold
	if got := trainOptions(t, "--config="+file); !reflect.DeepEqual(got, unchanged) {
		t.Errorf("no flag over a file gives %+v, want %+v", got, unchanged)
	}
	got := trainOptions(t, "--config="+file, "--loss=mae", "--seed=1")
	l := got.Config.Loss
	if l.MAE != 1 || l.Poisson != 0 || l.Smoothness != 0.1 || got.Config.Seed != 1 || got.Config.BatchSize != 18 {
		t.Errorf("--loss and --seed over a file give %+v", got.Config)
	}
	if got := trainOptions(t, "--config="+file, "--swap-xy=false", "--export=", "--probe-passes=0"); got.View.SwapXY ||
		got.Export != "" || got.Config.ProbePasses != 0 || !got.View.FlipX {
		t.Errorf("empty flags over a file give %+v", got)
	}
}

// configFile writes a config.yaml.
func configFile(t *testing.T, o workflow.TrainOptions) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	text, err := yaml.Marshal(o)
	if err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

package main

import (
	"reflect"
	"slices"
	"testing"
)

// TestEveryFlagOfTrainIsLaidOver holds the list of overlays to the flags: one that is forgotten would silently lose to the file.
func TestEveryFlagOfTrainIsLaidOver(t *testing.T) {
	notSettings := []string{"help", "verbose", "quiet", "resume", "config", "live", "disable-mlflow", "dry-run", "json"}
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(true) {
		if command.Name != "train" {
			continue
		}
		var names []string
		for _, f := range command.Flags {
			names = append(names, f.Name)
			if _, ok := overlays()[f.Name]; ok == slices.Contains(notSettings, f.Name) {
				t.Errorf("--%s: laid over is %v", f.Name, ok)
			}
		}
		for name := range overlays() {
			if !slices.Contains(names, name) {
				t.Errorf("--%s is no flag of train", name)
			}
		}
	}
}

// TestGivenFlagsWin: what is on the command line replaces the file's, and nothing else does.
func TestGivenFlagsWin(t *testing.T) {
	parse := func(args ...string) (options, map[string]bool) {
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
		return c.Train.said(), given(parsed)
	}
	all := []string{
		"--train-data-file=a.npz", "--test-data-file=b.npz", "--probe-file=p.npz", "--output-dir=o", "--export=e.onnx", "--init=i.onnx", "--memory-limit=7",
		"--input=intensity", "--layout=frames-last", "--max-epochs=3", "--n-images=9", "--gridsize=3", "--neighbours=11", "--oversample=2", "--batch-size=18",
		"--grouping=channels", "--learning-rate=0.5", "--schedule=plateau", "--warm-up=2", "--mode=supervised", "--poisson-weight=0.3", "--mae-weight=0.7",
		"--smoothness=0.1", "--clip=4", "--early-stop=5", "--val-fraction=0.25", "--nphotons=1e6", "--seed=8", "--network=pattern", "--n-filters-scale=3",
		"--object-extent=centre", "--probe=fixed", "--probe-passes=1", "--probe-rate=0.1", "--probe-warm-up=6", "--crop=64", "--bin=2", "--positions-file=q.h5",
		"--sample-motion", "--swap-xy", "--flip-x", "--flip-y", "--pixel-size-nm=1", "--energy-ev=2", "--distance-m=3", "--detector-pixel-um=4", "--hdf5=h",
		"--engine=tape", "--device=cuda", "--threads=5", "--onnxruntime=r", "--profile=f",
	}
	file, _ := parse()
	said, names := parse(all...)
	// Every setting of the two differs, so that what is not laid over is seen.
	if got := overlay(file, said, names); !reflect.DeepEqual(got, said) {
		t.Errorf("all flags over a file give %+v, want %+v", got, said)
	}
	if got := overlay(said, file, map[string]bool{}); !reflect.DeepEqual(got, said) {
		t.Errorf("no flag over a file gives %+v, want %+v", got, said)
	}
	other, names := parse("--loss=mae", "--seed=1")
	got := overlay(said, other, names)
	if got.Config.Loss.MAE != 1 || got.Config.Loss.Poisson != 0 || got.Config.Loss.Smoothness != 0.1 || got.Config.Seed != 1 || got.Config.BatchSize != 18 {
		t.Errorf("--loss and --seed over a file give %+v", got.Config)
	}
}

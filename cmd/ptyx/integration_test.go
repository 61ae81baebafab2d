package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"ptyx/internal/base/testutil"
)

// TestTrainSaveLoadInfer runs train and infer as a user's processes. No GPU is visible, two runs in different places
// must agree byte for byte, and nothing may be left in the temporary directory.
func TestTrainSaveLoadInfer(t *testing.T) {
	cases := []struct {
		network  string
		gridsize int
		grouping string
		batch    int
		extent   string
		slow     bool
	}{
		{"unrolled", 1, "shared", 4, "full", true},
		{"unrolled", 1, "shared", 3, "full", false}, // an odd batch: one replica, and an incomplete last batch
		{"unrolled", 2, "shared", 8, "full", true},
		{"pattern", 1, "shared", 3, "centre", true},
		{"pattern", 2, "channels", 2, "full", true},
		{"pattern", 2, "channels", 1, "centre", false},
		{"pattern", 3, "channels", 2, "full", true},
	}
	t.Parallel()
	scan := filepath.Join(t.TempDir(), "scan.npz")
	newProcess(t).run("simulate", "--out", scan, "--positions", "20", "--step", "7", "--seed", "11")
	for _, c := range cases {
		name := fmt.Sprintf("%s/gridsize%d/%s/batch%d/%s", c.network, c.gridsize, c.grouping, c.batch, c.extent)
		t.Run(name, func(t *testing.T) {
			if c.slow {
				testutil.Slow(t)
			}
			t.Parallel()
			digests := func() map[string][sha256.Size]byte {
				p := newProcess(t)
				dir := t.TempDir()
				run, out := filepath.Join(dir, "run"), filepath.Join(dir, "out")
				p.run("train", "--train_data_file", scan, "--output_dir", run, "--max_epochs", "2", "--n_images", "6",
					"--gridsize", fmt.Sprint(c.gridsize), "--grouping", c.grouping, "--batch_size", fmt.Sprint(c.batch),
					"--network", c.network, "--object-extent", c.extent, "--n-filters-scale", "1", "--device", "cpu",
					"--disable_mlflow")
				p.run("infer", "--model_path", run, "--test_data", scan, "--output_dir", out, "--n_images", "5",
					"--device", "cpu")
				p.leftNothing()
				return digestsOf(t, filepath.Join(run, "model.onnx"), filepath.Join(out, "reconstruction.npz"),
					filepath.Join(out, "reconstructed_amplitude.png"), filepath.Join(out, "reconstructed_phase.png"))
			}
			first, second := digests(), digests()
			for name, digest := range first {
				if digest != second[name] {
					t.Errorf("%s differs between two runs", name)
				}
			}
		})
	}
}

func (p process) leftNothing() {
	p.t.Helper()
	left, err := os.ReadDir(p.temporary)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, entry := range left {
		p.t.Errorf("%s was left in the temporary directory", entry.Name())
	}
}

func digestsOf(t *testing.T, paths ...string) map[string][sha256.Size]byte {
	t.Helper()
	digests := map[string][sha256.Size]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		digests[filepath.Base(path)] = sha256.Sum256(data)
	}
	return digests
}

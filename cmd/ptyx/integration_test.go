package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTrainSaveLoadInfer runs the whole path as a user's processes: train, save, load, infer. No GPU is to be seen, two
// runs in different places must agree byte for byte, and nothing may be left in the temporary directory.
func TestTrainSaveLoadInfer(t *testing.T) {
	cases := []struct {
		gridsize int
		grouping string
		batch    int
		extent   string
	}{
		{1, "shared", 4, "full"},
		{1, "shared", 3, "centre"}, // an odd batch: one replica, and an incomplete last batch
		{2, "shared", 8, "full"},
		{2, "channels", 2, "full"},
		{2, "channels", 1, "centre"},
		{3, "channels", 2, "full"},
	}
	binary := build(t)
	scan := filepath.Join(t.TempDir(), "scan.npz")
	process{t, binary, t.TempDir()}.run("simulate", "--out", scan, "--positions", "20", "--step", "7", "--seed", "11")
	for _, c := range cases {
		t.Run(fmt.Sprintf("gridsize%d/%s/batch%d/%s", c.gridsize, c.grouping, c.batch, c.extent), func(t *testing.T) {
			digests := func() map[string][sha256.Size]byte {
				p := process{t, binary, t.TempDir()}
				dir := t.TempDir()
				run, out := filepath.Join(dir, "run"), filepath.Join(dir, "out")
				p.run("train", "--train_data_file", scan, "--output_dir", run, "--max_epochs", "2", "--n_images", "6",
					"--gridsize", fmt.Sprint(c.gridsize), "--grouping", c.grouping, "--batch_size", fmt.Sprint(c.batch),
					"--object-extent", c.extent, "--n-filters-scale", "1", "--device", "cpu", "--disable_mlflow")
				p.run("infer", "--model_path", run, "--test_data", scan, "--output_dir", out, "--n_images", "5", "--device", "cpu")
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

// build compiles the command as a user would.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "ptyx")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// process runs the command with a temporary directory of its own.
type process struct {
	t         *testing.T
	binary    string
	temporary string
}

func (p process) run(args ...string) {
	p.t.Helper()
	c := exec.Command(p.binary, args...)
	c.Env = append(os.Environ(), "CUDA_VISIBLE_DEVICES=", "TMPDIR="+p.temporary)
	if out, err := c.CombinedOutput(); err != nil {
		p.t.Fatalf("ptyx %s: %v\n%s", strings.Join(args, " "), err, out)
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

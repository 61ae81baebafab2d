package workflow

import (
	"os"
	"path/filepath"
	"testing"

	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	"ptyx/trainer"
)

// TestAConfigurationIsReadFromAnyFolder: a run directory that is named from another folder than the training's finds
// the same files, and keeps absolute names, arrays of the scan's own file and empty names.
func TestAConfigurationIsReadFromAnyFolder(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"lab/runs/first", "desk"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(root, "lab"))
	want := TrainOptions{
		TrainFiles: Paths{"scan.npz", "/data/scan.npz"}, TestFiles: Paths{"../other/scan.npz"},
		View:      dataset.View{PositionsFile: "stage.h5:motors", Mask: ":entry/mask"},
		OutputDir: "runs/first", Engine: engine.Options{Kind: engine.KindTape},
		Config: trainer.DefaultConfig(),
	}
	if err := trainer.SaveConfig(want.OutputDir, want); err != nil {
		t.Fatal(err)
	}
	for _, here := range []string{"lab", "desk", "lab/runs/first", "."} {
		t.Chdir(filepath.Join(root, here))
		run, err := filepath.Rel(filepath.Join(root, here), filepath.Join(root, "lab/runs/first"))
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{run, filepath.Join(root, "lab/runs/first")} {
			got, err := LoadTrainOptions(dir)
			if err != nil {
				t.Fatal(err)
			}
			for read, file := range map[string]string{
				got.TrainFiles[0]: "lab/scan.npz", got.TestFiles[0]: "other/scan.npz",
				got.View.PositionsFile: "lab/stage.h5:motors",
			} {
				if at, err := filepath.Abs(read); err != nil || at != filepath.Join(root, file) {
					t.Errorf("from %s, run directory %s: %q is %s, want %s", here, dir, read, at, file)
				}
			}
			if got.TrainFiles[1] != "/data/scan.npz" || got.View.Mask != ":entry/mask" || got.View.FollowLinks != "" {
				t.Errorf("from %s: %+v", here, got)
			}
		}
	}
}

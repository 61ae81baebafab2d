package trainer

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReadMetrics(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if h, err := ReadMetrics(dir); err != nil || h != nil {
		t.Errorf("without a file: %v, %v", h, err)
	}
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, MetricsFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("epoch,train_loss,val_loss,learning_rate,seconds,patterns_per_s\n1,0.5,,0.001,2,3\n2,0.25,0.3,0.002,2,3\n")
	h, err := ReadMetrics(dir)
	if err != nil || len(h) != 2 || h[0].TrainLoss != 0.5 || !math.IsNaN(h[0].ValLoss) || h[1].ValLoss != 0.3 ||
		h[1].Number != 2 {
		t.Errorf("%+v, %v", h, err)
	}
	for _, text := range []string{"", "epoch\nx,1,1,1\n", "epoch\n1\n", "a,b\n1,2,3\n", "epoch,a,b,c\n1,x,,\n"} {
		write(text)
		if h, err := ReadMetrics(dir); err == nil || !strings.Contains(err.Error(), MetricsFile) {
			t.Errorf("%q: %v, %v, want a complaint that names the file", text, h, err)
		}
	}
}

func TestTidyRemovesHalfWrittenFilesAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kept := []string{ModelFile, "." + ModelFile, ".other.onnx12", "model.onnx12", ".notes1"}
	for _, name := range append([]string{"." + ModelFile + "123", "." + StateFile + "1"}, kept...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Tidy(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(kept, e.Name()) {
			t.Errorf("%s is left", e.Name())
		}
	}
	if len(entries) != len(kept) {
		t.Errorf("%d files are left, want %d", len(entries), len(kept))
	}
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"ptyx/internal/base/testutil"
	"ptyx/trainer"
)

// TestPretrainWithWorkers kills a worker and the pretraining itself. The remaining worker and a resumed pretraining
// make the model of one process.
func TestPretrainWithWorkers(t *testing.T) {
	testutil.Slow(t)
	t.Parallel()
	dir, p := t.TempDir(), newProcess(t)
	local, shared := filepath.Join(dir, "local"), filepath.Join(dir, "shared")
	config := []string{"--patterns", "48", "--round", "24", "--n", "32", "--n-filters-scale", "1", "--device", "cpu",
		"--threads", "1", "--quiet"}
	p.run(append([]string{"pretrain", "--output-dir", local}, config...)...)

	_, url := running(t, "broker", "--store", filepath.Join(dir, "store"), "--listen", "127.0.0.1:0")
	worker := []string{"worker", "--nats", url, "--threads", "1", "--device", "cpu"}
	first, _ := running(t, worker...)
	second, _ := running(t, worker...)
	killed := p.command(0, append([]string{"pretrain", "--output-dir", shared, "--nats", url}, config...)...)
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(shared, trainer.StateFile)); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no round ends")
		}
	}
	_ = second.Process.Kill()
	_ = killed.Process.Kill()
	_ = killed.Wait()
	p.run("pretrain", "--resume", shared, "--nats", url, "--quiet")
	want, err := os.ReadFile(filepath.Join(local, trainer.ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(shared, trainer.ModelFile)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the model is not that of one process (%v)", err)
	}
	if status := ended(t, first, syscall.SIGTERM); status != 0 {
		t.Errorf("the worker ends with status %d", status)
	}
}

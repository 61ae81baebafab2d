package main

import (
	"bufio"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/app/workflow"
	"ptyx/internal/recon/reconstruct"
)

// TestSolveInTilesOnWorkers: one worker is killed between two rounds, with tasks that it has taken, and another with
// more threads comes. The files are those of a run that a single worker computed.
func TestSolveInTilesOnWorkers(t *testing.T) {
	t.Parallel()
	dir, scan := t.TempDir(), trainedStar(t).small
	_, url := running(t, "broker", "--store", filepath.Join(dir, "store"), "--listen", "127.0.0.1:0")
	p := newProcess(t)
	solve := func(name string) []string {
		return []string{"solve", "--nats", url, "--tiles", "3", "--data", scan, "--iterations", "12", "--device", "cpu",
			"--output-dir", filepath.Join(dir, name)}
	}
	only, _ := running(t, "worker", "--nats", url, "--threads", "1", "--device", "cpu")
	p.run(solve("one")...)

	running(t, "worker", "--nats", url, "--threads", "2", "--device", "cpu")
	command := p.command(0, solve("two")...)
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "pass 5/12") {
			_ = only.Process.Kill()
			_ = only.Wait()
		}
	}
	if err := command.Wait(); err != nil || !strings.Contains(log.String(), "pass 12/12") {
		t.Fatalf("%v\n%s", err, log.String())
	}
	sameBytes(t, filepath.Join(dir, "one"), filepath.Join(dir, "two"), reconstruct.ObjectFile, workflow.SolvedProbeFile)
}

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ptyx/internal/recon/reconstruct"
)

// machines are a broker and two workers, as processes.
type machines struct {
	process
	store, url string
	broker     *exec.Cmd
	workers    [2]*exec.Cmd
}

func (m *machines) startBroker(at string) {
	m.broker, m.url = running(m.t, "broker", "--store", m.store, "--listen", at)
}

func (m *machines) startWorker(i int) {
	m.workers[i], _ = running(m.t, "worker", "--nats", m.url, "--threads", "1", "--device", "cpu")
}

// kill ends one of the programs, by SIGKILL, and starts it again.
func (m *machines) kill(which int) {
	if which == len(m.workers) {
		_ = m.broker.Process.Kill()
		_ = m.broker.Wait()
		m.startBroker(strings.TrimPrefix(m.url, "nats://"))
		return
	}
	_ = m.workers[which].Process.Kill()
	_ = m.workers[which].Wait()
	m.startWorker(which)
}

// A worker, the broker or infer is killed at any moment of a scan, and started again: the object is that of one
// machine.
func manyMachinesSurviveKills(t *testing.T, scan, model string, _ time.Duration) {
	m := &machines{process: newProcess(t), store: filepath.Join(t.TempDir(), "store")}
	local := filepath.Join(t.TempDir(), "local")
	m.run("infer", "--model-path", model, "--test-data", scan, "--output-dir", local, "--device", "cpu")
	m.startBroker("127.0.0.1:0")
	for i := range m.workers {
		m.startWorker(i)
	}
	infer := func(dir string) []string {
		return []string{"infer", "--nats", m.url, "--model-path", model, "--test-data", scan, "--output-dir", dir,
			"--batch-size", "1", "--in-flight", "4"}
	}
	long := m.lasts(infer(t.TempDir())...)
	for i := range moments(t) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			gathered := filepath.Join(t.TempDir(), "gathered")
			r := rand.New(rand.NewPCG(uint64(i), 11))
			moment := within(r, long)
			if which := i % 4; which == 3 {
				m.killed(moment, infer(gathered)...)
				m.run(infer(gathered)...)
			} else {
				c := m.command(0, infer(gathered)...)
				var said bytes.Buffer
				c.Stdout, c.Stderr = &said, &said
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(moment)
				m.kill((which + 2) % 3) // the broker first: three moments are one of each
				if err := c.Wait(); err != nil {
					t.Fatalf("infer: %v\n%s", err, said.String())
				}
			}
			sameBytes(t, local, gathered, reconstruct.ObjectFile)
		})
	}
}

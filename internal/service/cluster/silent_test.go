package cluster

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"weak"
)

// silence stops a process, or lets it go on: its connections stay open, and nothing comes. It returns when every thread
// has stopped: one that still runs could answer once more.
func silence(t *testing.T, command *exec.Cmd, signal syscall.Signal) {
	t.Helper()
	if err := command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if signal != syscall.SIGSTOP {
		return
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(command.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("it does not stop: %v, status %#x", err, status)
	}
}

// impatient is a connection that soon notices a broker's silence, until the test ends.
func impatient(t *testing.T, url string, patience time.Duration) *Connection {
	t.Helper()
	c, err := Connect(Address{URL: url, Patience: patience}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestCancelledBatchesAreFreed: while the broker is away, no cancelled batch keeps its patterns in memory.
func TestCancelledBatchesAreFreed(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "silent": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, url := process(t, "broker", t.TempDir()+" 127.0.0.1:0")
			caller := calling(t, impatient(t, url, 300*time.Millisecond), CallOptions{})
			silence(t, command, away)
			eventually(t, "the broker is missed", func() bool { return errors.Is(caller.Ready(), ErrNoBroker) })
			var kept []weak.Pointer[float32]
			for i := range 40 {
				batch := batchOf(uint64(i), model(size, 1), 16)
				kept = append(kept, weak.Make(&batch[0].Patterns[0]))
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
				if _, err := caller.Compute(ctx, "net", batch); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("batch %d: %v", i, err)
				}
				cancel()
			}
			eventually(t, "the batches are gone", func() bool {
				runtime.GC()
				for _, p := range kept {
					if p.Value() != nil {
						return false
					}
				}
				return true
			})
		})
	}
}

// TestLeftoversAreBounded: a Caller remembers a bounded number of leftovers.
func TestLeftoversAreBounded(t *testing.T) {
	t.Parallel()
	c := &Caller{untidy: make(chan struct{}, 1)}
	for i := range maxLeftovers + 10 {
		c.discard(leftover{batch: i})
	}
	if len(c.leftovers) != maxLeftovers {
		t.Errorf("%d are kept, want %d", len(c.leftovers), maxLeftovers)
	}
}

// TestSilentBroker: a stopped broker closes no connection. It is noticed by its silence, and everything continues when
// it does.
func TestSilentBroker(t *testing.T) {
	t.Parallel()
	command, url := process(t, "broker", t.TempDir()+" 127.0.0.1:0")
	caller := calling(t, impatient(t, url, 600*time.Millisecond), CallOptions{})
	start(t, url, (&fake{n: size, channels: 1}).worker())
	if err := computed(t.Context(), caller, "net", batchOf(1, model(size, 1), 2)); err != nil {
		t.Fatal(err)
	}
	silence(t, command, syscall.SIGSTOP)
	eventually(t, "it is not ready", func() bool { return errors.Is(caller.Ready(), ErrNoBroker) })
	waits := make(chan error, 1)
	go func() { waits <- computed(t.Context(), caller, "net", batchOf(2, model(size, 1), 2)) }()
	silence(t, command, syscall.SIGCONT)
	eventually(t, "it is ready", func() bool { return caller.Ready() == nil })
	if err := <-waits; err != nil {
		t.Error(err)
	}
}

// TestDefaultPatience: by default, a silent broker is noticed within 15 seconds.
func TestDefaultPatience(t *testing.T) {
	t.Parallel()
	o := connected(t, broker(t).URL).nc.Opts
	if longest := o.PingInterval * time.Duration(o.MaxPingsOut+1); longest != 15*time.Second ||
		o.FlusherTimeout > 15*time.Second {
		t.Errorf("silence is noticed after %v, a message that does not leave after %v", longest, o.FlusherTimeout)
	}
}

// TestCloseDoesNotWait: Close does not wait for a silent broker, whether its silence was noticed or not.
func TestCloseDoesNotWait(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"known": true, "not known": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, url := process(t, "broker", t.TempDir()+" 127.0.0.1:0")
			patience := time.Minute
			if known {
				patience = 300 * time.Millisecond
			}
			var log syncBuffer
			caller := calling(t, impatient(t, url, patience),
				CallOptions{Log: slog.New(slog.NewTextHandler(&log, nil))})
			silence(t, command, syscall.SIGSTOP)
			if known {
				eventually(t, "it is not ready", func() bool { return caller.Ready() != nil })
			}
			begun := time.Now()
			if err := caller.Close(); err != nil {
				t.Error(err)
			}
			// a try to find the broker again, which cannot be ended, takes up to 4
			if took := time.Since(begun); took > 8*time.Second {
				t.Errorf("closing takes %v", took)
			}
			if n := strings.Count(log.String(), "keeps the rest"); n != 1 {
				t.Errorf("it says %d times that something is left:\n%s", n, &log)
			}
		})
	}
}

// TestOneWarningAboutLeftovers: data that cannot be removed from the broker give one warning.
func TestOneWarningAboutLeftovers(t *testing.T) {
	t.Parallel()
	c := connected(t, broker(t).URL)
	var log syncBuffer
	caller := calling(t, c, CallOptions{Log: slog.New(slog.NewTextHandler(&log, nil))})
	caller.stop()
	caller.loops.Wait()
	for _, name := range []string{taskStream, outcomeStream} {
		if err := c.js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	caller.cleanUp(t.Context())
	if text := log.String(); strings.Count(text, "\n") != 1 || strings.Contains(text, `\n`) ||
		!strings.Contains(text, "keeps the rest") {
		t.Errorf("it says %q", text)
	}
}

// TestWarningForShortCalls: the log warns once that there is no worker, even if calls are cancelled before LostAfter,
// but not while a worker computes.
func TestWarningForShortCalls(t *testing.T) {
	t.Parallel()
	b := broker(t)
	var log syncBuffer
	c := connected(t, b.URL)
	seen := requests(t, c, "CONSUMER.INFO."+taskStream+"."+workers, "")
	caller := calling(t, c, CallOptions{Log: slog.New(slog.NewTextHandler(&log, nil))})
	alone := func() int { return strings.Count(log.String(), "waiting for a worker") }
	giveUp := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), quick.LostAfter/10)
		defer cancel()
		if err := computed(ctx, caller, "net", batchOf(1, model(size, 1), 1)); !errors.Is(err,
			context.DeadlineExceeded) {
			t.Fatalf("given up: %v", err)
		}
	}
	giveUpForLong := func() { // while it looks for workers twice
		t.Helper()
		before := seen.Load()
		eventually(t, "it looks for workers", func() bool { giveUp(); return seen.Load() >= before+3 })
	}
	eventually(t, "it says that there is no worker", func() bool { giveUp(); return alone() > 0 })
	giveUpForLong()
	if n := alone(); n != 1 {
		t.Errorf("it says %d times that there is no worker:\n%s", n, &log)
	}

	began, proceed := make(chan bool, 100), make(chan bool)
	f := &fake{n: size, channels: 1, run: func() error { began <- true; <-proceed; return nil }}
	start(t, b.URL, f.worker())
	ended := make(chan error, 1)
	go func() { ended <- computed(t.Context(), caller, "net", batchOf(2, model(size, 1), 1)) }()
	<-began
	caller.count(func(*Summary) { caller.warnedNoWorkers = false })
	giveUpForLong()
	if n := alone(); n != 1 {
		t.Errorf("while a worker is at work it says that there is none:\n%s", &log)
	}
	close(proceed)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

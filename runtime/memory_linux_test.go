package runtime

import (
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"testing"

	"ptyx/internal/base/ndarray"
)

// resident is the memory of this process in MiB.
func resident(t *testing.T) float64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var total, pages int
	if _, err := fmt.Sscan(string(text), &total, &pages); err != nil {
		t.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

// checkFlat runs f a few times to fill caches, then many times, and compares memory before and after. It stays on one
// thread of the system: the C library keeps freed blocks per thread, and Go would spread the calls over many. What is
// left is whether one block of 4 MiB is being kept at the moment of measuring; slack is three of them (MiB), and what
// would leak is at least five times the slack.
func checkFlat(t *testing.T, warmUp, times int, f func() error) {
	t.Helper()
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	const slack = 12.0
	repeat := func(n int) {
		t.Helper()
		for range n {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}
	}
	repeat(warmUp)
	before := resident(t)
	repeat(times)
	if grown := resident(t) - before; !(grown <= slack) {
		t.Errorf("memory grew by %.1f MiB in %d rounds, from %.1f MiB; %.0f MiB are allowed", grown, times, before,
			slack)
	}
}

// 2000 runs, or twice PTYX_BATCHES, every other one with a fresh binding. A leak of an output would be 32 KiB a run, 62
// MiB in all; of 2 * 10^5 runs what is seen is 64 bytes a run.
func TestMemoryOfRuns(t *testing.T) {
	rounds := 1000
	if text := os.Getenv("PTYX_BATCHES"); text != "" {
		if _, err := fmt.Sscan(text, &rounds); err != nil {
			t.Fatalf("PTYX_BATCHES: %v", err)
		}
	}
	s := newSession(t, open(t), "large", SessionOptions{Threads: 1})
	x, y := ndarray.New[float32](8, 1024), ndarray.New[float32](8, 1024)
	b, err := s.Bind(list(x), list(y))
	if err != nil {
		t.Fatal(err)
	}
	checkFlat(t, 50, rounds, func() error {
		return errors.Join(b.Run(), s.Run(list(x), list(y)))
	})
}

// A leaked session would keep its 4 MiB of weights: 200 MiB in all.
func TestMemoryOfSessions(t *testing.T) {
	env := open(t)
	model := readModel(t, "large")
	x, y := ndarray.New[float32](8, 1024), ndarray.New[float32](8, 1024)
	checkFlat(t, 10, 50, func() error {
		s, err := env.NewSession(model, SessionOptions{Threads: 1})
		if err != nil {
			return err
		}
		return errors.Join(s.Run(list(x), list(y)), s.Close())
	})
}

// Sessions that run by turns in one arena need the memory of one; apart, each keeps its own. Also after ONNX Runtime
// has been closed and opened again. A run takes at least 64 MiB; slack is a quarter of that, for caches of the first
// run.
func TestMemoryOfASharedArena(t *testing.T) {
	x, y := ndarray.New[float32](4096, 1), ndarray.New[float32](4096, 1)
	row := ndarray.New[float32](1, 4096)
	for _, shared := range []bool{true, false, true} {
		t.Run(fmt.Sprintf("shared %t", shared), func(t *testing.T) {
			env := open(t)
			for turn := range 3 {
				s := newSession(t, env, "wide", SessionOptions{Threads: 1, NoMemPattern: true, SharedArena: shared})
				before := resident(t)
				if err := s.Run(list(x, row), list(y)); err != nil {
					t.Fatal(err)
				}
				grown := resident(t) - before
				if takes := turn == 0 || !shared; takes && !(grown >= 64) || !takes && !(grown <= 16) {
					t.Errorf("session %d took %.0f MiB", turn, grown)
				}
			}
		})
	}
}

package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// TestGarbageIsLimited: small programs may leave 8 MB, large ones a tenth of what they use.
func TestGarbageIsLimited(t *testing.T) {
	for live, most := range map[uint64]uint64{
		0: 8 << 20, 1 << 20: 8 << 20, 8 << 20: 8 << 20, 80 << 20: 8 << 20, 1 << 30: (1 << 30) / 10,
	} {
		garbage := uint64(garbagePercent(live)) * max(smallHeap, live) / 100
		if garbage > most || garbage < most*9/10 {
			t.Errorf("%d bytes in use: %d bytes of garbage, want %d", live, garbage, most)
		}
	}
}

// TestGarbageFollowsTheHeap: each collection sets the percentage anew.
func TestGarbageFollowsTheHeap(t *testing.T) {
	first := debug.SetGCPercent(100)
	defer debug.SetGCPercent(first)
	limitGarbage()
	large := make([]byte, 64<<20)
	for deadline := time.Now().Add(10 * time.Second); ; {
		runtime.GC()
		now := debug.SetGCPercent(-1)
		debug.SetGCPercent(now)
		if want := garbagePercent(uint64(len(large))); now <= want {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d%% with %d bytes in use", now, len(large))
		}
	}
	runtime.KeepAlive(large)
}

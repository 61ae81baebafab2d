package simulate

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"ptyx/internal/scan/dataset"
)

// TestFileHoldsNoScan: File writes the bytes of the scan that Run makes, in the memory of a part of its patterns.
func TestFileHoldsNoScan(t *testing.T) {
	o := Options{N: 64, Object: Blobs, Absorption: 0.3, Phase: 1, Probe: Gaussian, ProbeSize: 8, Scan: Fermat,
		Count: 2*measuredAtOnce + 3, Step: 2, Photons: 1e4, Seed: 9}
	scan, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.npz"), filepath.Join(dir, "b.npz")
	if err := dataset.Write(a, scan); err != nil {
		t.Fatal(err)
	}
	if _, err := File(t.Context(), b, o); err != nil {
		t.Fatal(err)
	}
	want, _ := os.ReadFile(a)
	if got, err := os.ReadFile(b); err != nil || !bytes.Equal(got, want) {
		t.Errorf("other bytes, %v", err)
	}
	o.Count, o.Step, o.Noiseless = 4000, 0.3, true // 64 MiB of patterns
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		var highest uint64
		for {
			select {
			case <-done:
				most <- highest
				return
			case <-time.After(5 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				highest = max(highest, m.HeapAlloc)
			}
		}
	}()
	scan, want = dataset.ScanData{}, nil
	runtime.GC()
	_, err = File(t.Context(), b, o)
	close(done)
	if highest := <-most; err != nil || highest > 40<<20 {
		t.Errorf("%d MB in memory, %v", highest>>20, err)
	}
}

package solve

import (
	"fmt"
	"testing"

	"ptyx/internal/quality/metrics"
	"ptyx/internal/scan/simulate"
)

// TestSolvesPatternsOfManySizes: sides that are no power of two, with prime factors up to 17, and halves that are odd.
// Objects, probes and positions differ, so that no size relies on a lucky scan.
func TestSolvesPatternsOfManySizes(t *testing.T) {
	objects := []simulate.ObjectKind{simulate.Blobs, simulate.Star, simulate.Lines}
	for i, n := range []int{32, 34, 40, 72, 96, 104} {
		data, err := simulate.Run(t.Context(), simulate.Options{
			N: n, Object: objects[i%len(objects)], Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate,
			ProbeSize: float64(n) / 4, Scan: simulate.Fermat, Count: 60, Step: float64(n) / 13, Photons: 1e6,
			Seed: uint64(i),
		})
		if err != nil {
			t.Fatal(err)
		}
		p := Problem{Patterns: Amplitudes{data.Patterns}, X: data.X, Y: data.Y, Probe: data.Probe}
		for _, method := range []Method{LSQML, EPIE} {
			t.Run(fmt.Sprintf("N=%d %s", n, method), func(t *testing.T) {
				o := usual()
				o.Method, o.Passes = method, 30
				s := solved(t, p, o)
				got := correlation(t, s, metrics.Image{Object: data.Object})
				t.Logf("correlation %.4f, residual %.5f", got, s.Residual)
				if !(got > 0.98) {
					t.Errorf("correlation %.4f, want more than 0.98", got)
				}
			})
		}
	}
}

package solve

import (
	"math"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
)

// TestABackgroundIsFound: a tenth of the mean intensity, the same in all pixels, ruins a solution without a background.
// With it, the level is found, and a scan without one is as good as before.
func TestABackgroundIsFound(t *testing.T) {
	p, truth := simulated(t, 120, 1e6)
	const level = 0.1 * 1e6 / 4096 // photons a pixel
	clouded := p
	patterns := ndarray.Wrap(slices.Clone(p.Patterns.(Amplitudes).Data), 120, 64, 64)
	for i, d := range patterns.Data {
		patterns.Data[i] = float32(math.Sqrt(float64(d)*float64(d) + level))
	}
	clouded.Patterns = Amplitudes{Float32: patterns}
	o := usual()
	o.Passes = 30
	clear, spoilt := correlation(t, solved(t, p, o), truth), correlation(t, solved(t, clouded, o), truth)
	o.Background = true
	same, s := correlation(t, solved(t, p, o), truth), solved(t, clouded, o)
	got, mean := correlation(t, s, truth), 0.
	for _, b := range s.Background.Data {
		mean += float64(b) / 4096
	}
	t.Logf("correlation %.4f, with a background %.4f; if it is found %.4f, level %.3f of the true one; of a scan "+
		"without one %.4f", clear, spoilt, got, mean/level, same)
	if !(spoilt < 0.8) || !(got > 0.99) || !(math.Abs(mean/level-1) < 0.15) || !(same > clear-0.001) {
		t.Errorf("correlation %.4f, with a background %.4f; if it is found %.4f, level %.3f of the true one; of a "+
			"scan without one %.4f", clear, spoilt, got, mean/level, same)
	}
}

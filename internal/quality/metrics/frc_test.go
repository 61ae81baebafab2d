package metrics

import (
	"testing"

	"ptyx/internal/base/testutil"
)

// The cutoff is the end of the widest band above the threshold: neither a dip among the lowest rings nor agreement by
// chance beyond the band moves it.
func TestCutoffIsTheEndOfTheWidestBand(t *testing.T) {
	for _, c := range []struct {
		name   string
		curve  []float64 // of rings 0, 1, ...; the search begins at 3
		want   float64   // in rings
		beyond bool
		below  bool
	}{
		{"falls once", []float64{1, 1, 1, 0.9, 0.7, 0.3, 0, 0}, 4.5, false, false},
		{"dips at first", []float64{0, 0, 0, 0.3, 0.9, 0.9, 0.7, 0.3}, 6.5, false, false},
		{"agrees by chance beyond", []float64{1, 1, 1, 0.9, 0.7, 0.3, 0.6, 0.3}, 4.5, false, false},
		{"never falls", []float64{1, 1, 1, 0.9, 0.9, 0.9, 0.9, 0.9}, 7, true, false},
		{"never rises", []float64{1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.1}, 3, false, true},
	} {
		f := FRC{Correlation: c.curve}
		threshold := make([]float64, len(c.curve))
		for i := range c.curve {
			f.Frequency = append(f.Frequency, float64(i))
			threshold[i] = 0.5
		}
		got := f.cutoff(threshold, 1)
		if !testutil.Close(got.Frequency, c.want, 1e-12,
			0) || got.BeyondNyquist != c.beyond || got.BelowFirstRings != c.below { // a few roundings
			t.Errorf("%s: %+v, want a frequency of %v", c.name, got, c.want)
		}
	}
}

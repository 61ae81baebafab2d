package trend

import "testing"

func BenchmarkFit(b *testing.B) {
	beam, object := NewBeam(probe()), structure(3)
	pattern, f := patternOf(structure(4), 1.2, 3.4), NewFitter(beam, probe(), nil)
	for b.Loop() {
		f.Fit(1.2, 3.4, object, pattern)
	}
}

package solve

import (
	"testing"
)

// TestCoarseProblemsAreSmall: half of the detector gives an object of half the pixels, at positions of half the
// numbers, that is as right.
func TestCoarseProblemsAreSmall(t *testing.T) {
	p, truth := simulated(t, 120, 1e6)
	c := p.Coarse(2)
	if n := c.Patterns.Side(); n != 32 || c.X[3] != p.X[3]/2 {
		t.Fatalf("patterns of %d pixels, position %v of %v", n, c.X[3], p.X[3])
	}
	s := solved(t, c, usual())
	fine := solved(t, p, usual())
	t.Logf("residual %.5f, fine %.5f, correlation %.4f", s.Residual, fine.Residual, correlation(t, fine, truth))
	if !(s.Residual < 2*fine.Residual) {
		t.Errorf("residual %.5f, that of the complete detector %.5f", s.Residual, fine.Residual)
	}
	if s.Object.Shape[0] > fine.Object.Shape[0]/2+2 {
		t.Errorf("an object of shape %v, of the complete detector %v", s.Object.Shape, fine.Object.Shape)
	}
}

package place

import (
	"math"
	"math/cmplx"

	"ptyx/internal/physics/spectrum"
)

// sheet is a patch with its weights, transformed once for the comparison with all its neighbours.
type sheet struct{ weight, object, power []complex128 } // (n, n), of w, w O and w |O|^2

func newSheet(t *spectrum.Transform, weight []float64, patch []complex64) sheet {
	s := sheet{make([]complex128, len(patch)), make([]complex128, len(patch)), make([]complex128, len(patch))}
	for i, v := range patch {
		o, w := complex128(v), complex(weight[i], 0)
		s.weight[i], s.object[i] = w, w*o
		s.power[i] = w * complex(real(o)*real(o)+imag(o)*imag(o), 0)
	}
	for _, image := range [][]complex128{s.weight, s.object, s.power} {
		t.Forward(image)
	}
	return s
}

// matcher finds the shift between two patches. It is work space for one goroutine.
type matcher struct {
	n        int
	fft      *spectrum.Transform
	alone    float64         // sum of the weights' squares: the overlap of a patch with itself
	likeness []float64       // (n, n), -log(1 - q^2) of every shift
	images   [5][]complex128 // correlations of two sheets
	scores   []float64       // (n, n), of every shift
}

func newMatcher(n int, weight []float64) *matcher {
	m := &matcher{n: n, fft: spectrum.NewTransform(n, n), scores: make([]float64, n*n), likeness: make([]float64, n*n)}
	for i := range m.images {
		m.images[i] = make([]complex128, n*n)
	}
	for _, w := range weight {
		m.alone += w * w
	}
	return m
}

// leastOverlap is the share of a patch's light that a neighbour must see for their shift to count.
const leastOverlap = 0.2

// match finds the shift (row, column) of b from a within reach of an expected one, and how well it is known: the gain
// in likelihood, per unit of weight, over patches that have nothing in common. It is 0 if there is none.
func (m *matcher) match(a, b sheet, row, col, reach float64) (dy, dx, gain float64) {
	for i := range a.weight {
		wa, wb := cmplx.Conj(a.weight[i]), b.weight[i]
		m.images[0][i] = wa * wb
		m.images[1][i] = cmplx.Conj(a.object[i]) * wb // conj O_a
		m.images[2][i] = wa * b.object[i]
		m.images[3][i] = cmplx.Conj(a.object[i]) * b.object[i]
		m.images[4][i] = cmplx.Conj(a.power[i])*wb + 1i*wa*b.power[i] // both are real
	}
	for _, image := range m.images {
		m.fft.Inverse(image)
	}
	clear(m.scores)
	clear(m.likeness)
	best, at := 0.0, -1
	for r := range m.n {
		for c := range m.n {
			// b is at +shift of a, so that the same feature is at -shift on it.
			y, x := -spectrum.Frequency(r, m.n), -spectrum.Frequency(c, m.n)
			if math.Hypot(float64(y)-row, float64(x)-col) > reach+1.5 {
				continue
			}
			i := r*m.n + c
			m.score(i)
			if m.scores[i] > best && math.Hypot(float64(y)-row, float64(x)-col) <= reach {
				best, at = m.scores[i], i
			}
		}
	}
	if at < 0 {
		return 0, 0, 0
	}
	at = m.climb(at)
	r, c := at/m.n, at%m.n
	here := m.likeness[at]
	fy := vertex(m.likeness[(r+m.n-1)%m.n*m.n+c], here, m.likeness[(r+1)%m.n*m.n+c])
	fx := vertex(m.likeness[r*m.n+(c+m.n-1)%m.n], here, m.likeness[r*m.n+(c+1)%m.n])
	return -float64(spectrum.Frequency(r, m.n)) - fy, -float64(spectrum.Frequency(c, m.n)) - fx, best
}

// climb goes from a shift to the nearest one of largest likeness. The gain is larger where the overlap is, which would
// draw all shifts towards zero.
func (m *matcher) climb(at int) int {
	for range 3 {
		best := at
		for dr := -1; dr <= 1; dr++ {
			for dc := -1; dc <= 1; dc++ {
				i := (at/m.n+dr+m.n)%m.n*m.n + (at%m.n+dc+m.n)%m.n
				if m.likeness[i] > m.likeness[best] {
					best = i
				}
			}
		}
		if best == at {
			break
		}
		at = best
	}
	return at
}

// score computes -log(1 - q^2) at a shift, where q is the correlation of the patches there without their means, and the
// gain, which is that times the common weight.
func (m *matcher) score(i int) {
	w := real(m.images[0][i])
	if !(w > leastOverlap*m.alone) {
		return
	}
	cross := m.images[3][i] - m.images[1][i]*m.images[2][i]/complex(w, 0)
	a := real(m.images[4][i]) - square(m.images[1][i])/w
	b := imag(m.images[4][i]) - square(m.images[2][i])/w
	if !(a > 1e-9*real(m.images[4][i]) && b > 1e-9*imag(m.images[4][i])) {
		return
	}
	m.likeness[i] = -math.Log(1 - min(square(cross)/(a*b), 0.999))
	m.scores[i] = w / m.alone * m.likeness[i]
}

func square(v complex128) float64 { return real(v)*real(v) + imag(v)*imag(v) }

// vertex is where a parabola through three values at -1, 0 and 1 is highest, within half a step.
func vertex(before, at, after float64) float64 {
	curvature := before - 2*at + after
	if !(curvature < 0) || before == 0 || after == 0 {
		return 0
	}
	return min(max((before-after)/(2*curvature), -0.5), 0.5)
}

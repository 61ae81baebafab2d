package spectrum

import "math"

// stages is Stockham's FFT along the first axis of an array (n, columns). Each stage splits the remaining length by a
// radix and writes where the next stage reads, so that the result comes out in order. All columns go together, in loops
// without index arithmetic. (C. Van Loan, Computational Frameworks for the Fast Fourier Transform, SIAM 1992, section
// 1.7.)
type stages struct {
	n     int
	radix []int
	roots [][]complex128 // of each stage: exp(-2 pi i k / l), k < l, where l is the remaining length
}

// newStages plans for length n >= 1: by 4 as often as it goes, then by 2 and by each odd prime.
func newStages(n int) *stages {
	s := &stages{n: n}
	for left := n; left > 1; {
		r := nextRadix(left)
		s.radix, s.roots = append(s.radix, r), append(s.roots, roots(left))
		left /= r
	}
	return s
}

func nextRadix(n int) int {
	if n%4 == 0 {
		return 4
	}
	for r := 2; r*r <= n; r++ {
		if n%r == 0 {
			return r
		}
	}
	return n
}

// roots are exp(-2 pi i k / n), k < n.
func roots(n int) []complex128 {
	out := make([]complex128, n)
	for k := range out {
		sin, cos := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
		out[k] = complex(cos, sin)
	}
	return out
}

// forward transforms x (n, columns). It overwrites both x and y, of the same size, and returns first the one that holds
// the result.
func (s *stages) forward(x, y []complex128, columns int) (result, other []complex128) {
	for i, r := range s.radix {
		roots := s.roots[i]
		stride := columns * s.n / len(roots)
		switch r {
		case 4:
			byFour(x, y, stride, roots)
		case 2:
			byTwo(x, y, stride, roots)
		default:
			byAny(x, y, stride, r, roots)
		}
		x, y = y, x
	}
	return x, y
}

// byFour is the stage y[4p+k] = w^(pk) sum_j (-i)^(jk) x[p+mj], with w the first of 4m roots of one. An element is a
// run of stride numbers.
func byFour(x, y []complex128, stride int, roots []complex128) {
	m := len(roots) / 4
	for p := range m {
		w1, w2, w3 := roots[p], roots[2*p], roots[3*p]
		x0 := x[p*stride:][:stride]
		x1, x2 := x[(p+m)*stride:][:len(x0)], x[(p+2*m)*stride:][:len(x0)]
		x3 := x[(p+3*m)*stride:][:len(x0)]
		y0, y1 := y[4*p*stride:][:len(x0)], y[(4*p+1)*stride:][:len(x0)]
		y2, y3 := y[(4*p+2)*stride:][:len(x0)], y[(4*p+3)*stride:][:len(x0)]
		if p == 0 { // all factors are 1
			for q, a := range x0 {
				b, c, d := x1[q], x2[q], x3[q]
				sum, difference, even, odd := a+c, a-c, b+d, b-d
				turned := complex(imag(odd), -real(odd)) // by -i
				y0[q], y1[q], y2[q], y3[q] = sum+even, difference+turned, sum-even, difference-turned
			}
			continue
		}
		for q, a := range x0 {
			b, c, d := x1[q], x2[q], x3[q]
			sum, difference, even, odd := a+c, a-c, b+d, b-d
			turned := complex(imag(odd), -real(odd))
			y0[q], y1[q] = sum+even, w1*(difference+turned)
			y2[q], y3[q] = w2*(sum-even), w3*(difference-turned)
		}
	}
}

// byTwo is the stage y[2p+k] = w^(pk) (x[p] + (-1)^k x[p+m]).
func byTwo(x, y []complex128, stride int, roots []complex128) {
	m := len(roots) / 2
	for p := range m {
		w := roots[p]
		x0 := x[p*stride:][:stride]
		x1, y0, y1 := x[(p+m)*stride:][:len(x0)], y[2*p*stride:][:len(x0)], y[(2*p+1)*stride:][:len(x0)]
		for q, a := range x0 {
			b := x1[q]
			y0[q], y1[q] = a+b, w*(a-b)
		}
	}
}

// byAny is the stage of radix r, y[rp+k] = sum_j w^(k(p+mj)) x[p+mj].
func byAny(x, y []complex128, stride, r int, roots []complex128) {
	l := len(roots)
	m := l / r
	for p := range m {
		for k := range r {
			out := y[(r*p+k)*stride:][:stride]
			for j := range r {
				w := roots[k*(p+m*j)%l]
				in := x[(p+m*j)*stride:][:len(out)]
				if j == 0 {
					for q, a := range in {
						out[q] = w * a
					}
					continue
				}
				for q, a := range in {
					out[q] += w * a
				}
			}
		}
	}
}

package place

import "math/cmplx"

// withoutCommon takes from every patch, in place, what it shares with all others. Patches share the error of the probe,
// which lies still while the object moves: between two neighbours it would be a likeness at no shift. What is shared is
// the patch (N, N) from which all others differ least but for a complex factor of each.
func (p Patches) withoutCommon() {
	const turns = 3 // of the power method, which starts with an empty object, close to the solution
	size := p.N * p.N
	shared := make([]complex128, size)
	for i := range shared {
		shared[i] = 1
	}
	for range turns {
		next := make([]complex128, size)
		for m := range p.X {
			patch := p.Object[m*size : (m+1)*size]
			factor := cmplx.Conj(p.factor(patch, shared))
			for i, v := range patch {
				next[i] += factor * complex128(v)
			}
		}
		shared = next
	}
	for m := range p.X {
		patch := p.Object[m*size : (m+1)*size]
		factor := p.factor(patch, shared)
		for i, v := range shared {
			patch[i] -= complex64(factor * v)
		}
	}
}

// factor is the complex number with which shared comes closest to a patch where the probe is bright; 0 for zeros.
func (p Patches) factor(patch []complex64, shared []complex128) complex128 {
	var product complex128
	var power float64
	for i, v := range shared {
		w := p.Weight[i]
		product += complex(w, 0) * cmplx.Conj(v) * complex128(patch[i])
		power += w * square(v)
	}
	if power == 0 {
		return 0
	}
	return product / complex(power, 0)
}

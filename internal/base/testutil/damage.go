package testutil

import (
	"math/rand/v2"
	"slices"
)

// Damage changes a few bytes of a file, each in one of the ways that files go wrong. Half of the changes hit bytes that
// say something: most of a small HDF5 file is room for more.
func Damage(data []byte, r *rand.Rand) []byte {
	out := slices.Clone(data)
	place := func() int {
		at := r.IntN(len(out))
		for range 64 * r.IntN(2) {
			if out[at] != 0 {
				break
			}
			at = r.IntN(len(out))
		}
		return at
	}
	odd := []byte{0, 1, 0x7f, 0x80, 0xfe, 0xff}
	for range 1 + r.IntN(4) {
		at := place()
		switch r.IntN(7) {
		case 0:
			out[at] ^= 1 << r.IntN(8)
		case 1:
			out[at] = byte(r.IntN(256))
		case 2:
			out[at] = odd[r.IntN(len(odd))]
		case 3: // a number
			b := odd[r.IntN(len(odd))]
			for i := at; i < min(at+[]int{2, 4, 8}[r.IntN(3)], len(out)); i++ {
				out[i] = b
			}
		case 4: // something of elsewhere, such as another object's header
			copy(out[at:min(at+8<<r.IntN(4), len(out))], out[place():])
		case 5: // an address that leads elsewhere, perhaps to where it came from
			out[at], out[min(at+1, len(out)-1)] = byte(r.IntN(len(out))), byte(r.IntN(1+len(out)/256))
		case 6:
			if r.IntN(8) == 0 {
				out = out[:max(1, at)]
			}
		}
	}
	return out
}

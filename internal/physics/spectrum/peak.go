package spectrum

import "math"

// coarse is the side of the central block in which Peak looks for its start.
const coarse = 64

// Peak is the frequency (kr, kc), in radians per pixel within [-pi, pi], at which |sum f exp(-i (kr r + kc c))| is
// largest: the ramp exp(i (kr r + kc c)) that fits f best, found without unwrapping any phase. It is 0 for a field of
// zeros.
//
// A zero-padded FFT of the central block gives the start, at most a quarter of a bin off. Newton's method refines it on
// blocks of twice the side each, up to the full field, so that each start is well within the next peak's width.
func Peak(f *Field) (kr, kc float64) {
	h, w := min(f.H, coarse), min(f.W, coarse)
	block := f.Crop((f.H-h)/2, (f.W-w)/2, h, w)
	kr, kc = coarsePeak(block)
	for {
		kr, kc = PeakNear(block, kr, kc)
		if h == f.H && w == f.W {
			return kr, kc
		}
		h, w = min(f.H, 2*h), min(f.W, 2*w)
		block = f.Crop((f.H-h)/2, (f.W-w)/2, h, w)
	}
}

// coarsePeak is the largest element of the FFT, padded to twice the size.
func coarsePeak(f *Field) (kr, kc float64) {
	h, w := 2*f.H, 2*f.W
	padded := New(h, w)
	for r := range f.H {
		copy(padded.Data[r*w:], f.Data[r*f.W:(r+1)*f.W])
	}
	padded.FFT()
	best, at := 0.0, 0
	for i, v := range padded.Data {
		if p := real(v)*real(v) + imag(v)*imag(v); p > best {
			best, at = p, i
		}
	}
	kr = 2 * math.Pi * float64(Frequency(at/w, h)) / float64(h)
	kc = 2 * math.Pi * float64(Frequency(at%w, w)) / float64(w)
	return kr, kc
}

// PeakNear climbs from (kr, kc), on the upper part of a peak, to its top. It stops where the surface is not
// dome-shaped.
func PeakNear(f *Field, kr, kc float64) (float64, float64) {
	const (
		steps = 20
		small = 1e-6 // of the peak's width, 1/side: far below what noise lets anyone know
	)
	for range steps {
		p := powerAt(f, kr, kc)
		det := p.rr*p.cc - p.rc*p.rc
		if !(p.rr < 0 && det > 0) {
			break
		}
		dr, dc := -(p.cc*p.r-p.rc*p.c)/det, -(p.rr*p.c-p.rc*p.r)/det
		// A step never leaves the peak: half a bin at most.
		limit := max(1.0, math.Abs(dr)*float64(f.H)/math.Pi, math.Abs(dc)*float64(f.W)/math.Pi)
		kr, kc = kr+dr/limit, kc+dc/limit
		if math.Abs(dr)*float64(f.H) <= small && math.Abs(dc)*float64(f.W) <= small {
			break
		}
	}
	return kr, kc
}

// logPower holds the first and second derivatives of log |S| at a frequency. The logarithm of a peak is dome-shaped
// over all of its main lobe, the peak itself only near its top.
type logPower struct{ r, c, rr, rc, cc float64 }

// powerAt sums S = sum f exp(-i k.x) and its derivatives S_r = -i sum x_r f exp(-i k.x) and so on, x from the centre;
// the exponential separates, so each pixel costs three complex products.
func powerAt(f *Field, kr, kc float64) logPower {
	cols := phasors(f.W, -kc, float64(f.W/2))
	rows := phasors(f.H, -kr, float64(f.H/2))
	var s, sr, sc, srr, src, scc complex128
	for r := range f.H {
		var m0, m1, m2 complex128 // moments of the row along columns
		for c, v := range f.Data[r*f.W : (r+1)*f.W] {
			x := float64(c - f.W/2)
			v *= cols[c]
			m0 += v
			v = complex(x*real(v), x*imag(v))
			m1 += v
			m2 += complex(x*real(v), x*imag(v))
		}
		y := complex(float64(r-f.H/2), 0)
		m0, m1, m2 = m0*rows[r], m1*rows[r], m2*rows[r]
		s += m0
		sr += y * m0
		sc += m1
		srr += y * y * m0
		src += y * m1
		scc += m2
	}
	if s == 0 {
		return logPower{}
	}
	// Of log S, whose real part is log |S|: (S'/S)' = S''/S - (S'/S)^2.
	gr, gc := -1i*sr/s, -1i*sc/s
	return logPower{
		r: real(gr), c: real(gc),
		rr: real(-srr/s - gr*gr), rc: real(-src/s - gr*gc), cc: real(-scc/s - gc*gc),
	}
}

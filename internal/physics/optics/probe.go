package optics

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
)

// Power is sum |P|^2: the photons of an empty object's pattern, where the probe is in units of counts.
func Power(probe *ndarray.Complex64) float64 {
	sum := 0.0
	for _, p := range probe.Data {
		sum += float64(real(p))*float64(real(p)) + float64(imag(p))*float64(imag(p))
	}
	return sum
}

// NormalisePower scales a probe to the given power, in place.
func NormalisePower(probe *ndarray.Complex64, power float64) {
	scale := complex(float32(math.Sqrt(power/Power(probe))), 0)
	for i := range probe.Data {
		probe.Data[i] *= scale
	}
}

// ProbeDigest is the SHA-256 of the probe's little-endian complex64 bytes, in hex.
func ProbeDigest(probe *ndarray.Complex64) string {
	hash := sha256.New()
	_ = binary.Write(hash, binary.LittleEndian, probe.Data) // a hash takes everything
	return hex.EncodeToString(hash.Sum(nil))
}

// ShiftProbe returns the probe (N, N) moved by (dy, dx) pixels, as the training step moves it: S(dy) P S(dx)^T with the
// real matrices of ShiftMatrixInto, here by FFT in double precision. Without a shift it is an exact copy.
func ShiftProbe(probe *ndarray.Complex64, dy, dx float64) *ndarray.Complex64 {
	out := probe.Clone()
	if dy == 0 && dx == 0 {
		return out
	}
	n := probe.Shape[0]
	wave := spectrum.New(n, n)
	for i, v := range probe.Data {
		wave.Data[i] = complex128(v)
	}
	wave.Shift(dy, dx)
	for i, v := range wave.Data {
		out.Data[i] = complex64(v)
	}
	return out
}

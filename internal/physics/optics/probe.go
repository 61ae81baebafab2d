package optics

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"

	"ptyx/internal/base/ndarray"
)

// Power is sum |P|^2: in counts, the photons of a pattern of an empty object.
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
	raw := make([]byte, 0, 8*len(probe.Data))
	for _, p := range probe.Data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(real(p)))
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(imag(p)))
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

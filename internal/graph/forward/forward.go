// Package forward builds the physics of a diffraction pattern as a graph: the probe, shifted by the subpixel part of
// each position, times the object patch is the exit wave; its Fourier transform is the wave at the detector; the square
// of that is the intensity that the likelihood compares with the measured one. Package physics holds the same formulas
// in plain Go; a test compares the two.
//
// A complex array is a Pair of real nodes. Intensities are in units of the mean measured intensity per pixel, so that a
// probe of power N^2 in front of an empty object gives an intensity of mean 1, whatever the photon count.
//
// Like those of package ops, the functions panic on shapes that do not fit: call them inside ops.Build.
package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Pair is a complex array as real and imaginary nodes of equal shape.
type Pair struct{ Re, Im *gorgonia.Node }

// Object is the complex transmission amplitude * exp(i phase); all (B, C, N, N).
func Object(amplitude, phase *gorgonia.Node) Pair {
	return Pair{ops.Mul(amplitude, ops.Cos(phase)), ops.Mul(amplitude, ops.Sin(phase))}
}

// ShiftProbe moves the probe (N, N) by each pattern's subpixel offset: S_y P S_x^T with the shift matrices of package
// physics, (B, C, N, N) each.
func ShiftProbe(probe Pair, shiftY, shiftX *gorgonia.Node) Pair {
	across := ops.TransposeLast(shiftX)
	return Pair{
		ops.MatMul(ops.MatMul(shiftY, probe.Re), across),
		ops.MatMul(ops.MatMul(shiftY, probe.Im), across),
	}
}

// ExitWave is probe * object.
func ExitWave(probe, object Pair) Pair {
	re := ops.Sub(ops.Mul(probe.Re, object.Re), ops.Mul(probe.Im, object.Im))
	im := ops.Add(ops.Mul(probe.Re, object.Im), ops.Mul(probe.Im, object.Re))
	return Pair{re, im}
}

// Propagate is F psi F with the symmetric unitary DFT matrix F (N, N): the far field, energy conserved. With the
// conjugate of F it is the way back.
func Propagate(wave, dft Pair) Pair {
	left := Pair{
		ops.Sub(ops.MatMul(dft.Re, wave.Re), ops.MatMul(dft.Im, wave.Im)),
		ops.Add(ops.MatMul(dft.Re, wave.Im), ops.MatMul(dft.Im, wave.Re)),
	}
	return Pair{
		ops.Sub(ops.MatMul(left.Re, dft.Re), ops.MatMul(left.Im, dft.Im)),
		ops.Add(ops.MatMul(left.Re, dft.Im), ops.MatMul(left.Im, dft.Re)),
	}
}

// Diffract models the patterns of object patches (B, C, N, N): the intensity (B, C, N, N) at the detector behind the
// probe, (N, N) or one for each pattern, that ShiftProbe has moved. Probe modes (K, N, N) give (B, K, N, N), see
// SumModes.
func Diffract(probe, object Pair, shiftY, shiftX *gorgonia.Node) *gorgonia.Node {
	n := object.Re.Shape()[3]
	dft := DFT(object.Re.Graph(), "dft", n)
	return Intensity(Propagate(ExitWave(ShiftProbe(probe, shiftY, shiftX), object), dft))
}

// Intensity is |wave|^2.
func Intensity(wave Pair) *gorgonia.Node { return addSquares(wave.Re, wave.Im) }

func addSquares(a, b *gorgonia.Node) *gorgonia.Node { return ops.Add(square(a), square(b)) }

func square(x *gorgonia.Node) *gorgonia.Node { return ops.Mul(x, x) }

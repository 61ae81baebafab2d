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

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/internal/physics/optics"
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
// probe that ShiftProbe has moved, (B, C, N, N). Probe modes (B, K, N, N) give (B, K, N, N), see SumModes.
func Diffract(probe, object Pair) *gorgonia.Node {
	n := object.Re.Shape()[3]
	dft := DFT(object.Re.Graph(), "dft", n)
	return Intensity(Propagate(ExitWave(probe, object), dft))
}

// PickProbe gives every pattern of a batch the probe of its scan: pick (B*C, P) is 1 at the pattern's scan, 0
// elsewhere; of the probes (P, N, N) it makes (B, C, N, N), shape.
func PickProbe(probes Pair, pick *gorgonia.Node, shape []int) Pair {
	scans, n := probes.Re.Shape()[0], probes.Re.Shape()[1]
	of := func(x *gorgonia.Node) *gorgonia.Node {
		return ops.Reshape(ops.MatMul(pick, ops.Reshape(x, scans, n*n)), shape...)
	}
	return Pair{of(probes.Re), of(probes.Im)}
}

// DFT is the DFT matrix (N, N) of package physics as constants that are called name_re and name_im.
func DFT(g *gorgonia.ExprGraph, name string, n int) Pair {
	re, im := optics.DFTMatrix(n)
	return Pair{
		program.Constant(g, name+"_re", ndarray.Wrap(re, n, n)),
		program.Constant(g, name+"_im", ndarray.Wrap(im, n, n)),
	}
}

// Intensity is |wave|^2.
func Intensity(wave Pair) *gorgonia.Node { return addSquares(wave.Re, wave.Im) }

// SumModes adds the intensities of incoherent probe modes: (B, K, N, N) -> (B, 1, N, N) (Thibault and Menzel, Nature
// 494, 68, 2013).
func SumModes(intensity *gorgonia.Node) *gorgonia.Node {
	s := intensity.Shape()
	return ops.SumTo(intensity, []int{s[0], 1, s[2], s[3]})
}

func addSquares(a, b *gorgonia.Node) *gorgonia.Node { return ops.Add(square(a), square(b)) }

func square(x *gorgonia.Node) *gorgonia.Node { return ops.Mul(x, x) }

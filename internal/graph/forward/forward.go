// Package forward builds the physics of a diffraction pattern as a graph: the probe, shifted by the subpixel part of each
// position, times the object patch is the exit wave; its Fourier transform is the wave at the detector; the square of that
// is the intensity that the likelihood compares with the measured one. Package physics holds the same formulas in plain
// Go; a test compares the two.
//
// A complex array is a Pair of real nodes. Intensities are in units of the mean measured intensity per pixel, so that a
// probe of power N^2 in front of an empty object gives an intensity of mean 1, whatever the photon count.
package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Pair is a complex array as real and imaginary nodes of equal shape.
type Pair struct{ Re, Im *gorgonia.Node }

// Object is the complex transmission amplitude * exp(i phase); all (B, C, N, N).
func Object(amplitude, phase *gorgonia.Node) (Pair, error) {
	var c calc
	return c.pair(c.mul(amplitude, c.un(ops.Cos, phase)), c.mul(amplitude, c.un(ops.Sin, phase)))
}

// ShiftProbe moves the probe (N, N) by each pattern's subpixel offset: S_y P S_x^T with the shift matrices of package
// physics, (B, C, N, N) each.
func ShiftProbe(probe Pair, shiftY, shiftX *gorgonia.Node) (Pair, error) {
	var c calc
	across := c.un(ops.TransposeLast, shiftX)
	return c.pair(
		c.bin(ops.MatMul, c.bin(ops.MatMul, shiftY, probe.Re), across),
		c.bin(ops.MatMul, c.bin(ops.MatMul, shiftY, probe.Im), across))
}

// ExitWave is probe * object.
func ExitWave(probe, object Pair) (Pair, error) {
	var c calc
	re := c.sub(c.mul(probe.Re, object.Re), c.mul(probe.Im, object.Im))
	im := c.add(c.mul(probe.Re, object.Im), c.mul(probe.Im, object.Re))
	return c.pair(re, im)
}

// Propagate is F psi F with the symmetric unitary DFT matrix F (N, N): the far field, energy conserved. With the conjugate of F it is
// the way back.
func Propagate(wave, dft Pair) (Pair, error) {
	var c calc
	left := Pair{
		c.sub(c.matmul(dft.Re, wave.Re), c.matmul(dft.Im, wave.Im)),
		c.add(c.matmul(dft.Re, wave.Im), c.matmul(dft.Im, wave.Re)),
	}
	return c.pair(
		c.sub(c.matmul(left.Re, dft.Re), c.matmul(left.Im, dft.Im)),
		c.add(c.matmul(left.Re, dft.Im), c.matmul(left.Im, dft.Re)))
}

// Intensity is |wave|^2.
func Intensity(wave Pair) (*gorgonia.Node, error) {
	var c calc
	return c.result(c.add(c.mul(wave.Re, wave.Re), c.mul(wave.Im, wave.Im)))
}

// calc composes operators and keeps the first error.
type calc struct{ err error }

func (c *calc) un(f func(*gorgonia.Node) (*gorgonia.Node, error), x *gorgonia.Node) *gorgonia.Node {
	if c.err != nil {
		return nil
	}
	var n *gorgonia.Node
	n, c.err = f(x)
	return n
}

func (c *calc) bin(f func(a, b *gorgonia.Node) (*gorgonia.Node, error), a, b *gorgonia.Node) *gorgonia.Node {
	if c.err != nil {
		return nil
	}
	var n *gorgonia.Node
	n, c.err = f(a, b)
	return n
}

func (c *calc) affine(x *gorgonia.Node, scale, offset float32) *gorgonia.Node {
	return c.un(func(x *gorgonia.Node) (*gorgonia.Node, error) { return ops.Affine(x, scale, offset) }, x)
}

func (c *calc) add(a, b *gorgonia.Node) *gorgonia.Node    { return c.bin(ops.Add, a, b) }
func (c *calc) sub(a, b *gorgonia.Node) *gorgonia.Node    { return c.bin(ops.Sub, a, b) }
func (c *calc) mul(a, b *gorgonia.Node) *gorgonia.Node    { return c.bin(ops.Mul, a, b) }
func (c *calc) matmul(a, b *gorgonia.Node) *gorgonia.Node { return c.bin(ops.MatMul, a, b) }

func (c *calc) pair(re, im *gorgonia.Node) (Pair, error) { return Pair{re, im}, c.err }

func (c *calc) result(n *gorgonia.Node) (*gorgonia.Node, error) { return n, c.err }

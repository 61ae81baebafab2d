package forward

import "gorgonia.org/gorgonia"

// Estimate is the first estimate of the object that physics.Estimate describes, for patterns (B, C, N, N) of power N^2; the
// constants are (N, N), inverse is the conjugate of the DFT matrix. It is linear in the pattern.
func Estimate(pattern *gorgonia.Node, phase, gain Pair, offset *gorgonia.Node, inverse Pair) (Pair, error) {
	var c calc
	wave, err := c.pair(c.mul(pattern, phase.Re), c.mul(pattern, phase.Im))
	if err != nil {
		return Pair{}, err
	}
	exit, err := Propagate(wave, inverse)
	if err != nil {
		return Pair{}, err
	}
	lit, err := ExitWave(gain, exit)
	if err != nil {
		return Pair{}, err
	}
	return c.pair(c.sub(lit.Re, offset), lit.Im)
}

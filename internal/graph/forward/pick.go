package forward

import "gorgonia.org/gorgonia"

// PickProbe gives every pattern of a batch the probe of its scan: pick (B*C, P) holds a 1 at the pattern's scan, 0
// elsewhere; of the probes (P, N, N) it makes (B, C, N, N), shape.
func PickProbe(probes Pair, pick *gorgonia.Node, shape []int) (Pair, error) {
	var c calc
	scans, n := probes.Re.Shape()[0], probes.Re.Shape()[1]
	of := func(x *gorgonia.Node) *gorgonia.Node {
		return c.reshape(c.matmul(pick, c.reshape(x, scans, n*n)), shape...)
	}
	return c.pair(of(probes.Re), of(probes.Im))
}

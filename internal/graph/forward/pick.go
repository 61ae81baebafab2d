package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// PickProbe gives every pattern of a batch the probe of its scan: pick (B*C, P) is 1 at the pattern's scan, 0
// elsewhere; of the probes (P, N, N) it makes (B, C, N, N), shape.
func PickProbe(probes Pair, pick *gorgonia.Node, shape []int) Pair {
	scans, n := probes.Re.Shape()[0], probes.Re.Shape()[1]
	of := func(x *gorgonia.Node) *gorgonia.Node {
		return ops.Reshape(ops.MatMul(pick, ops.Reshape(x, scans, n*n)), shape...)
	}
	return Pair{of(probes.Re), of(probes.Im)}
}

package trainer

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
)

// varianceLoss is what the parameters of the network's variance minimise, (). Where the truth is known, it is the
// likelihood of the errors. Else it is that of the differences between the patches of a group and their mean on the
// canvas; without a canvas nothing is known and it is nil. Pixels count by the light on them.
func (a *assembly) varianceLoss() *gorgonia.Node {
	switch {
	case a.net.LogVariance == nil:
		return nil
	case a.config.Supervised:
		squared := forward.SquaredError(a.net.Object, a.truth())
		return forward.Gaussian(a.net.LogVariance, squared, nil, ops.Mul(a.batch[shareInput], a.weight))
	case a.config.Canvas > 0:
		squared, expected := a.canvas().Disagreement(a.patches, a.object)
		light := ops.Mul(a.batch[weightInput], a.batch[overlapInput])
		return forward.Gaussian(a.net.LogVariance, squared, expected, light)
	}
	return nil
}

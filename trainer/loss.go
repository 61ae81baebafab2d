package trainer

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"ptyx/internal/forward"
)

// Loss is the measure of disagreement that training lowers.
type Loss string

// The losses.
const (
	Poisson Loss = "poisson" // negative log-likelihood of the counts, nats per photon above the floor
	MAE     Loss = "mae"     // mean absolute error of the amplitudes
)

// UnmarshalText reads a loss from a flag.
func (l *Loss) UnmarshalText(text []byte) error {
	switch Loss(text) {
	case Poisson, MAE:
		*l = Loss(text)
		return nil
	}
	return fmt.Errorf("found %q, expected poisson or mae", text)
}

// build makes the scalar loss node.
func (l Loss) build(intensity, measured, weight *gorgonia.Node, eps float32) (*gorgonia.Node, error) {
	switch l {
	case Poisson:
		return forward.Poisson(intensity, measured, weight, eps)
	case MAE:
		return forward.AmplitudeMAE(intensity, measured, weight, eps)
	}
	return nil, fmt.Errorf("loss %q is not known", l)
}

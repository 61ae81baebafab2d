// Package general holds the network that is shipped inside the program. `ptyx pretrain` trained it on simulated
// experiments of every kind (docs/general.md). It builds Gorgonia graphs, so programs that run beside a detector do not
// link it: package workflow gives them the file.
package general

import (
	_ "embed"
	"fmt"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/simulate"
	"ptyx/models"
)

// Name is that of the model, in place of a path.
const Name = "general"

// shipped is the checkpoint for patterns of one size; the weights serve all.
//
//go:embed general.onnx
var shipped []byte

// Model is the checkpoint of the general network for patterns of n pixels, with the probe that Probe makes. A size that
// the network does not have is a *badinput.Error.
func Model(n int) (file []byte, c contract.Contract, err error) {
	if c, err = export.ReadContract(shipped); err != nil {
		return nil, c, fmt.Errorf("reading the general network: %w", err)
	}
	if c.N == n {
		return shipped, c, nil
	}
	config := Network(c, n)
	if err := config.Validate(); err != nil {
		return nil, c, err
	}
	weights, err := Weights()
	if err != nil {
		return nil, c, err
	}
	if c.Probe, err = Probe(n); err != nil {
		return nil, c, err
	}
	model, err := export.Checkpoint(config, weights, c)
	if err != nil {
		return nil, c, err
	}
	file = model.Marshal()
	c, err = export.ReadContract(file)
	return file, c, err
}

// Weights are the parameters of the general network, for patterns of any size.
func Weights() ([]*ndarray.Float32, error) {
	c, err := export.ReadContract(shipped)
	if err != nil {
		return nil, fmt.Errorf("reading the general network: %w", err)
	}
	return export.Weights(shipped, Network(c, c.N))
}

// Network is the configuration of the network of a contract for patterns of n pixels.
func Network(c contract.Contract, n int) models.Config {
	return models.Config{
		Kind: models.Kind(c.Network), N: n, Channels: c.Channels, FiltersScale: c.FiltersScale,
		Extent: models.Extent(c.ObjectExtent), InputScale: c.InputScale, AmplitudeMax: c.AmplitudeMax,
	}
}

// Fits reports whether a network of the given configuration can take the weights: for every size of patterns that it
// has itself.
func Fits(c models.Config) bool {
	own, err := export.ReadContract(shipped)
	if err != nil {
		return false
	}
	n := Network(own, c.N)
	return c.Kind == n.Kind && c.Channels == n.Channels && c.FiltersScale == n.FiltersScale && c.Extent == n.Extent &&
		n.Validate() == nil
}

// probePhotons is the power of the default probe.
const probePhotons = 1e6

// Probe is the default probe (N, N) of a general network, which no scan has given one: that of a zone plate, with a
// cone of a third of the window.
func Probe(n int) (*ndarray.Complex64, error) {
	probe, err := simulate.Probe(simulate.ZonePlate, n, float64(n)/3)
	if err != nil {
		return nil, err
	}
	optics.NormalisePower(probe, probePhotons)
	return probe, nil
}

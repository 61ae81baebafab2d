package trainer

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/recon/solve"
	"ptyx/models"
)

// Between the lit spots of patterns that have little light in common, only the network knows the object. Patterns do
// not correct it there, so training by patterns alone forgets what a trained network knew: its patches become flat in
// the shade, and the stitched object loses its coarse structure (docs/dev/decisions.md). So the patches stay near those
// of the network from which training began: they are anchored. The anchor is no part of the loss that training states.
const (
	anchorWeight = 0.05 // of forward.Anchor, beside the loss
	anchorHalf   = 0.03 // of the mean intensity of the probe, where the anchor counts a half
)

// anchored reports whether a step compares its patches with those of the first parameters: they are those of a trained
// network, and the patterns of one of its scans have less than solve.LeastCommonLight in common. The probe as given
// decides, because the machines that compute shards know no other.
func (r Request) anchored() bool {
	if !r.Anchor || r.Config.Mode == Supervised || !r.network(1).TakesProbe() {
		return false
	}
	for _, scan := range r.Scans {
		if solve.CommonLight(scan.X, scan.Y, scan.Probe) < solve.LeastCommonLight {
			return true
		}
	}
	return false
}

// anchor is the distance of the network's patches from those of the first parameters, (). fed is the network's input.
// The probe learns of it through the patches alone, not through the light or those of the first parameters, whose
// pass backward would cost as much as that of the network.
func (a *assembly) anchor(fed, start []*gorgonia.Node) (*gorgonia.Node, error) {
	given, err := ops.Build("the input of the first network", func() (list []*gorgonia.Node) {
		for _, node := range fed {
			list = append(list, ops.Detached(node))
		}
		return list
	})
	if err != nil {
		return nil, err
	}
	first, err := models.Build(a.config.Net, given, start)
	if err != nil {
		return nil, err
	}
	return ops.Build("the anchor", func() *gorgonia.Node {
		light := forward.Intensity(forward.Pair{Re: given[1], Im: given[2]})
		return forward.Anchor(a.net.Object, first.Object, light, a.batch[weightInput], anchorHalf)
	})
}

package workflow

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/service/watch"
)

// exposure lets the probe of a network follow the exposure of a scan that is still measured. As in ptyx infer, the
// model's own probe stays within a tolerance, because a training knows its exposure.
func (o WatchOptions) exposure(n *network) watch.Exposure {
	if o.RefineOnly || !n.contract.TakesProbe() {
		return watch.Exposure{}
	}
	e := watch.Exposure{Tolerance: 1, Scaled: func(probe *ndarray.Complex64) {
		source := o.Probe.From
		if o.Probe.fromModel() {
			source = ModelProbe
		}
		n.contract.Probe = probe
		n.extra = reconstruct.NetworkProbe(source+reconstruct.ScaledSource, probe)
	}}
	if o.Probe.ofModel() {
		e.Tolerance = reconstruct.OtherExposure
	}
	return e
}

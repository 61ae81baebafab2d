package watch

import (
	"fmt"
	"time"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
)

// Exposure says how the probe of a network follows the exposure of the scan (reconstruct.Exposure). The zero value
// leaves the probe as it is.
type Exposure struct {
	// Tolerance is the factor, 1 or more, by which the mean power of the patterns may differ from that of the probe; 0:
	// any.
	Tolerance float64
	// Scaled is called at most once, with the probe in its new power; nil: nothing.
	Scaled func(probe *ndarray.Complex64)
}

// The exposure is that of the frames with the lowest ids among the first ones that arrive.
const (
	exposedWait   = time.Second
	exposedPixels = 1 << 23 // of patterns that wait for it, at most
)

// exposure finds the power of the probe before the first batch.
type exposure struct {
	Exposure
	known bool
	first time.Time // when the first frame was gathered
	low   int       // gathered frames with the lowest ids that there are
}

// note counts a gathered frame.
func (e *exposure) note(f frame, now time.Time) {
	if e.first.IsZero() {
		e.first = now
	}
	if f.id < reconstruct.ExposedFrames {
		e.low++
	}
}

// waits reports whether more frames are needed. With frames in order, those of the lowest ids state the exposure. With
// others, or a slow source, these do that have come.
func (e *exposure) waits(w *network, now time.Time) bool {
	const frames = reconstruct.ExposedFrames
	most := min(8*frames, max(frames, exposedPixels/(w.n*w.n)))
	return !e.known && e.low < frames && len(w.gathered) < most && now.Sub(e.first) < exposedWait
}

// expose scales the probe of the network before its first batch, and reports whether the network may compute. With now
// false, it may wait for more frames.
func (w *Watcher) expose(now bool) bool {
	e, net := &w.network.exposure, w.network
	if e.known || len(net.gathered) == 0 {
		return true
	}
	if !now && e.waits(net, w.o.Clock.Now()) {
		return false
	}
	e.known = true
	ids := make([]int64, len(net.gathered))
	for i, f := range net.gathered {
		ids[i] = f.id
	}
	if factor, _ := reconstruct.Exposure(ids, net.patterns, net.contract.Probe, e.Tolerance); factor != 1 {
		w.scaleProbe(factor)
	}
	if w.refining != nil {
		w.refining.Start(w.o.Contract.Probe)
	}
	return true
}

// scaleProbe multiplies the power of the probe by a factor.
func (w *Watcher) scaleProbe(factor float64) {
	probe := reconstruct.Scaled(w.o.Contract.Probe, factor)
	w.network.probe = predict.ProbeOf(probe)
	w.o.Contract.Probe, w.network.contract.Probe = probe, probe
	w.o.Page.setProbe(probe)
	w.o.Log.Info("the scan has another exposure than the model's probe, which is scaled to it",
		"exposure", fmt.Sprintf("%.3g", factor))
	if w.o.Exposure.Scaled != nil {
		w.o.Exposure.Scaled(probe)
	}
}

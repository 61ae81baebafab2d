package watch

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/predict"
)

// Exposure says how the probe of a network follows the exposure of the scan. A network divides by the power of its
// probe, so it would take a brighter scan for a more transparent object. The zero value leaves the probe as it is.
type Exposure struct {
	// Tolerance is the factor, 1 or more, by which the mean power of the patterns may differ from that of the probe; 0:
	// any.
	Tolerance float64
	// Scaled is called at most once, with the probe in its new power; nil: nothing.
	Scaled func(probe *ndarray.Complex64)
}

// The exposure is that of the frames with the lowest ids among the first ones that arrive.
const (
	exposedFrames = 16 // that state it
	exposedWait   = time.Second
	exposedPixels = 1 << 23 // of patterns that wait for it, at most
	// exposureStep is the factor between two powers that the probe may get. The object so hardly ever depends on which
	// frames came first: their mean would have to lie at the border of two steps.
	exposureStep = 1.25
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
	if f.id < exposedFrames {
		e.low++
	}
}

// waits reports whether more frames are needed. With frames in order, those of the lowest ids state the exposure. With
// others, or a slow source, these do that have come.
func (e *exposure) waits(w *network, now time.Time) bool {
	most := min(8*exposedFrames, max(exposedFrames, exposedPixels/(w.n*w.n)))
	return !e.known && e.low < exposedFrames && len(w.gathered) < most && now.Sub(e.first) < exposedWait
}

// steps is the number of steps from the power of a probe to that of the patterns; 0 within the tolerance.
func (e *exposure) steps(w *network) int {
	order := make([]int, len(w.gathered))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(w.gathered[i].id, w.gathered[j].id) })
	sum, lit, size := 0.0, 0, w.n*w.n
	for _, i := range order {
		power := 0.0
		for _, d := range w.patterns[i*size : (i+1)*size] {
			power += float64(d) * float64(d)
		}
		if power > 0 && lit < exposedFrames {
			sum, lit = sum+power, lit+1
		}
	}
	if lit == 0 {
		return 0
	}
	ratio := sum / float64(lit) / optics.Power(w.contract.Probe)
	if ratio <= e.Tolerance && ratio >= 1/e.Tolerance {
		return 0
	}
	return int(math.Round(math.Log(ratio) / math.Log(exposureStep)))
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
	if steps := e.steps(net); steps != 0 {
		w.scaleProbe(math.Pow(exposureStep, float64(steps)))
	}
	if w.refining != nil {
		w.refining.Start(w.o.Contract.Probe)
	}
	return true
}

// scaleProbe multiplies the power of the probe by a factor.
func (w *Watcher) scaleProbe(factor float64) {
	probe := w.o.Contract.Probe.Clone()
	optics.NormalisePower(probe, factor*optics.Power(probe))
	re, im := make([]float32, len(probe.Data)), make([]float32, len(probe.Data))
	for i, p := range probe.Data {
		re[i], im[i] = real(p), imag(p)
	}
	w.network.probe = predict.Probe{Re: re, Im: im}
	w.o.Contract.Probe, w.network.contract.Probe = probe, probe
	w.o.Page.setProbe(probe)
	w.o.Log.Info("the scan has another exposure than the model's probe, which is scaled to it",
		"exposure", fmt.Sprintf("%.3g", factor))
	if w.o.Exposure.Scaled != nil {
		w.o.Exposure.Scaled(probe)
	}
}

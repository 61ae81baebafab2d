package trainer

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/experiments"
)

// HeldOutError is the error of a network on held-out groups of patterns that have something in common.
type HeldOutError struct {
	Name  string `json:"name"`  // "all", "unseen", "object blobs", "probe disk", "photons 1e4"
	Count int    `json:"count"` // groups
	// Error is the mean root of a group's relative squared error, with one phase for the group; that of constants is 1.
	Error       float64 `json:"error"`
	Correlation float64 `json:"correlation"` // mean complex correlation of a group's patches, weighted by the light
}

// At least so many held-out patterns, in groups, of the size of the model: of the kinds that training shows, and of
// those that it never shows.
const (
	heldOutCount = 256
	unseenCount  = 128
	heldOutSeed  = 0x5eed // added to the seed of the training
)

// Names of the first two groups.
const (
	allGroup    = "all"    // kinds that training shows
	unseenGroup = "unseen" // kinds that it never shows
)

// heldOut measures the errors of the parameters on held-out patterns.
type heldOut struct {
	samples []*sample // in groups
	group   int
	unseen  int // index of the first sample of kinds that training never shows
	answers []*answer
	closers []func() error
}

// answer is the network bound to its own patterns.
type answer struct {
	inputs  []*ndarray.Float32
	outputs []*ndarray.Float32
	binding engine.Binding
}

func (p *pretraining) newHeldOut() (_ *heldOut, err error) {
	h := &heldOut{group: p.config.Group}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	n, batch := p.config.N, p.config.BatchSize
	h.draw(p.supply, n, p.config.Threads)
	step, err := newSampleStep(p.config.Network(n), batch, p.config.Group, batch, p.config.Loss)
	if err != nil {
		return nil, err
	}
	compiled, err := p.request.Engine.Compile(step.answer, p.oneThread())
	if err != nil {
		return nil, err
	}
	h.closers = append(h.closers, compiled.Close)
	for range p.atOnce() {
		a := &answer{}
		for range answerInputs {
			a.inputs = append(a.inputs, ndarray.New[float32](batch, 1, n, n))
		}
		for _, out := range step.answer.Outputs {
			a.outputs = append(a.outputs, ndarray.New[float32](out.Node.Shape()...))
		}
		inputs := append(slices.Clone(a.inputs), p.state.Parameters...)
		if a.binding, err = compiled.Bind(inputs, a.outputs); err != nil {
			return nil, err
		}
		h.closers = append(h.closers, a.binding.Close)
		h.answers = append(h.answers, a)
	}
	return h, nil
}

// draw makes the samples.
func (h *heldOut) draw(training *supply, n, workers int) {
	seen := *training
	seen.seed += heldOutSeed
	seen.solved = nil
	seen.generator = experiments.New(seen.seed, experiments.All().Without(experiments.HeldOut()))
	unseen := seen
	unseen.generator = experiments.New(seen.seed, experiments.HeldOut())
	group := training.group
	groups := func(patterns int) int { return (patterns + group - 1) / group }
	h.unseen = groups(heldOutCount) * group
	h.samples = newLot(n, h.unseen+groups(unseenCount)*group).samples
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Go(func() {
			makers := [...]*maker{seen.maker(), unseen.maker()}
			for i := worker; i < len(h.samples)/group; i += workers {
				at, kinds := i*group, 0
				if at >= h.unseen {
					kinds = 1
				}
				makers[kinds].make(uint64(i), n, h.samples[at:at+group])
			}
		})
	}
	wait.Wait()
}

func (h *heldOut) close() {
	for _, c := range slices.Backward(h.closers) {
		_ = c() // nothing is lost with a resource that cannot be freed
	}
}

// run returns the errors: all and unseen first, then one for each kind and each decade of photons, by name.
func (h *heldOut) run() ([]HeldOutError, error) {
	found := map[string]*HeldOutError{}
	add := func(name string, relative, correlation float64) {
		g := found[name]
		if g == nil {
			g = &HeldOutError{Name: name}
			found[name] = g
		}
		g.Count++
		g.Error += relative
		g.Correlation += correlation
	}
	measured, err := h.measure()
	if err != nil {
		return nil, err
	}
	for i, m := range measured {
		s, first := h.samples[i*h.group], allGroup
		if i*h.group >= h.unseen {
			first = unseenGroup
		}
		decade := fmt.Sprintf("photons 1e%d", int(math.Floor(math.Log10(max(1, s.about.photons)))))
		for _, name := range []string{first, "object " + s.about.object, "probe " + s.about.probe, decade} {
			add(name, m.relative, m.correlation)
		}
	}
	return inOrderOfNames(found), nil
}

// measured is the error of a network's objects of a group, and their correlation with the truth.
type measured struct{ relative, correlation float64 }

// measure compares the network's objects of each group with the truth.
func (h *heldOut) measure() ([]measured, error) {
	results := make([]measured, len(h.samples)/h.group)
	batch, image := h.answers[0].inputs[0].Shape[0], len(h.samples[0].light)
	var g errgroup.Group
	for k, a := range h.answers {
		g.Go(func() error {
			for from := k * batch; from < len(h.samples); from += len(h.answers) * batch {
				part := h.samples[from:min(from+batch, len(h.samples))]
				fillSamples(a.inputs, part)
				if err := a.binding.Run(); err != nil {
					return err
				}
				for i := 0; i < len(part); i += h.group {
					re, im := a.outputs[0].Data[i*image:], a.outputs[1].Data[i*image:]
					results[(from+i)/h.group] = compare(part[i:i+h.group], re, im)
				}
			}
			return nil
		})
	}
	return results, g.Wait()
}

func inOrderOfNames(found map[string]*HeldOutError) []HeldOutError {
	names := []string{}
	for name, g := range found {
		g.Error /= float64(g.Count)
		g.Correlation /= float64(g.Count)
		if name != allGroup && name != unseenGroup {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var groups []HeldOutError
	for _, name := range append([]string{allGroup, unseenGroup}, names...) {
		groups = append(groups, *found[name])
	}
	return groups
}

// compare is the error of a group's objects, aligned by one phase, and their correlation with the truth. Both weight
// pixels by their share. re and im hold the objects one after the other.
func compare(group []*sample, re, im []float32) (m measured) {
	var weight, objects, truths float64
	var object, truth, product complex128
	for k, s := range group {
		truthRe, truthIm, share := s.inputs[3], s.inputs[4], s.inputs[5]
		for i, w := range share {
			w, at := float64(w), k*len(share)+i
			o, t := complex(float64(re[at]), float64(im[at])), complex(float64(truthRe[i]), float64(truthIm[i]))
			weight += w
			object, truth = object+complex(w, 0)*o, truth+complex(w, 0)*t
			product += complex(w, 0) * cmplx.Conj(o) * t
			objects += w * (real(o)*real(o) + imag(o)*imag(o))
			truths += w * (real(t)*real(t) + imag(t)*imag(t))
		}
	}
	m.relative = math.Sqrt(max(0, objects+truths-2*cmplx.Abs(product)) / float64(len(group)))
	norm := func(squares float64, sum complex128) float64 {
		return squares - (real(sum)*real(sum)+imag(sum)*imag(sum))/weight
	}
	centred := product - cmplx.Conj(object)*truth/complex(weight, 0)
	if d := norm(objects, object) * norm(truths, truth); d > 0 {
		m.correlation = cmplx.Abs(centred) / math.Sqrt(d)
	}
	return m
}

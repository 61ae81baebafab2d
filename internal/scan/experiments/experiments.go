// Package experiments simulates small pieces of scans of every kind, without end: the training samples of a network
// that is to serve experiments it has never seen.
//
// A group of neighbouring patterns is a pure function of the generator's seed, the group's index, and the numbers of
// patterns and of their pixels. It is never stored, and can be made in any order and by any number of goroutines. Its
// object and its probe are of kinds from two tables; distributions.go has every range that is drawn from, with its
// reason.
package experiments

import (
	"fmt"
	"math"

	"ptyx/internal/base/stream"
)

// Sample is one simulated pattern, with all that is known of it. Arrays are (N, N), row-major, centred as patterns of
// scans are: zero frequency and the centre of the probe at [N/2, N/2].
type Sample struct {
	N         int
	Row, Col  int         // place of the window, in pixels from the middle of the group's object; within N/2
	Amplitude []float32   // root of the measured photons; zero at dead pixels
	Probe     []complex64 // as given to a network, at the pattern's subpixel rest, in the unit of the patterns
	Object    []complex64 // the truth in the patch
	Light     []float32   // |true probe|^2 in the unit of the patterns
	// ObjectKind and ProbeKind are names of the tables.
	ObjectKind, ProbeKind string
	Photons               float64 // expected in the pattern, without background and before pixels die or saturate
	Width                 float64 // of the true probe: diameter in pixels of a disc with its sum |P|^2 and sum |P|^4

	work *workspace
}

// Generator makes samples. It holds no state that a sample changes, so goroutines may share it.
type Generator struct {
	seed    uint64
	objects []objectKind
	probes  []probeKind
}

// New returns the generator of a seed that draws from kinds. It panics if kinds name no object or no probe of the
// tables.
func New(seed uint64, kinds Kinds) *Generator {
	g := &Generator{seed: seed}
	for _, k := range objects {
		if kinds.hasObject(k.name) {
			g.objects = append(g.objects, k)
		}
	}
	for _, k := range probes {
		if kinds.hasProbe(k.name) {
			g.probes = append(g.probes, k)
		}
	}
	if len(g.objects) == 0 || len(g.probes) == 0 {
		panic(fmt.Sprintf("experiments: no kinds to draw from in %v", kinds))
	}
	return g
}

// Fill makes the group of an index: so many patterns of n x n pixels of one object, with one probe and one detector; n
// is even. It reuses the arrays of into, so a group that is filled again allocates next to nothing. Each goroutine
// needs its own samples.
func (g *Generator) Fill(index uint64, n int, into []*Sample) {
	for _, s := range into {
		s.prepare(n)
	}
	if into[0].work == nil {
		into[0].work = newWorkspace(n)
	}
	w := into[0].work
	w.Rand = stream.New(g.seed, "experiments/group", int(index))
	object := pick(w, g.objects, func(k objectKind) float64 { return k.share })
	probe := pick(w, g.probes, func(k probeKind) float64 { return k.share })
	w.illuminate(probe)
	w.arrange(into)
	w.paint(object)
	w.measure(into)
	for _, s := range into {
		s.ObjectKind, s.ProbeKind = object.name, probe.name
	}
}

// prepare sizes the arrays of a sample.
func (s *Sample) prepare(n int) {
	if s.N == n {
		return
	}
	pixels := n * n
	*s = Sample{
		N: n, Amplitude: make([]float32, pixels), Probe: make([]complex64, pixels),
		Object: make([]complex64, pixels), Light: make([]float32, pixels),
	}
}

// pick draws one of the kinds by their shares.
func pick[K any](w *workspace, kinds []K, share func(K) float64) K {
	sum := 0.0
	for _, k := range kinds {
		sum += share(k)
	}
	at := w.Float64() * sum
	for _, k := range kinds {
		if at -= share(k); at < 0 {
			return k
		}
	}
	return kinds[len(kinds)-1]
}

// diameter is that of a disc of even light with the same sum I and sum I^2, in pixels.
func diameter(light []float32) float64 {
	sum, squares := 0.0, 0.0
	for _, v := range light {
		sum, squares = sum+float64(v), squares+float64(v)*float64(v)
	}
	return 2 * math.Sqrt(sum*sum/squares/math.Pi)
}

package trainer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/choice"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/internal/physics/optics"
)

// amplitudeFloor is what the mean absolute error of amplitudes adds to intensities before it takes their roots, in
// units of the mean intensity: 3/8 of a photon. A pattern of (N, N) pixels has the given number of photons on average.
// The floor gives the roots of few counts the variance of many (Anscombe, Biometrika 35, 246, 1948). It is at most
// a tenth, also where the data are no counts and so seem to have few photons, and at least what float32 resolves.
func amplitudeFloor(photons float64, n int) float64 {
	return min(max(0.375*float64(n*n)/photons, minFloor), 0.1)
}

// Loss holds the weights of the terms whose sum training minimises. A term of weight 0 is left out of the graph.
type Loss struct {
	Poisson    float64 `yaml:"poisson"`    // negative log-likelihood of the counts, nats per photon above the floor
	MAE        float64 `yaml:"mae"`        // mean absolute error of amplitudes; supervised, of the object
	Smoothness float64 `yaml:"smoothness"` // total variation of the object, weighted by the probe's intensity
}

// terms is the table of loss terms. To add a term, write its graph in package forward, its weight as a field of Loss,
// and its row here.
func (l *Loss) terms() []term {
	return []term{
		{
			name: string(Poisson), setting: "poisson_weight", weight: &l.Poisson,
			patterns: func(a *assembly) *gorgonia.Node {
				return forward.Poisson(a.intensity, a.measured, a.weight, a.config.PoissonFloor)
			},
			pixel: func(c StepConfig, modelled, measured float64) float64 {
				floored := measured + float64(c.PoissonFloor)
				return modelled - measured - floored*math.Log((modelled+float64(c.PoissonFloor))/floored)
			},
		},
		{
			name: string(MAE), setting: "mae_weight", weight: &l.MAE,
			patterns: func(a *assembly) *gorgonia.Node {
				return forward.AmplitudeMAE(a.intensity, a.measured, a.weight, a.config.AmplitudeFloor)
			},
			pixel: func(c StepConfig, modelled, measured float64) float64 {
				floor := float64(c.AmplitudeFloor)
				return math.Abs(math.Sqrt(modelled+floor) - math.Sqrt(measured+floor))
			},
			truth: func(a *assembly) *gorgonia.Node {
				amplitude, factor := a.net.Amplitude, forward.Pair{}
				if amplitude != nil { // the factor of a dark pixel is known, too
					factor = forward.Pair{Re: ops.Cos(a.net.Phase), Im: ops.Sin(a.net.Phase)}
				} else {
					amplitude, factor = forward.Modulus(a.net.Object)
				}
				return forward.TruthMAE(amplitude, factor, a.truth(), a.weight)
			},
		},
		{
			name: "smoothness", setting: "smoothness", weight: &l.Smoothness, needs: []string{litInput},
			prior: func(a *assembly) *gorgonia.Node {
				n := a.config.Net.N
				difference := program.Constant(a.graph, "difference", ndarray.Wrap(optics.DifferenceMatrix(n), n, n))
				return forward.Variation(a.object, difference, a.batch[litInput], a.batch[weightInput])
			},
		},
	}
}

// term is a row in the table of loss terms. One or two of its functions are set; each builds a single number, ().
type term struct {
	name     string                           // in a loss's formula and, unless it is a prior, as the value of --loss
	setting  string                           // of the weight, in messages
	weight   *float64                         // in the Loss
	needs    []string                         // batch inputs that only this term reads
	patterns func(a *assembly) *gorgonia.Node // compares modelled with measured patterns; for mode physics
	truth    func(a *assembly) *gorgonia.Node // compares the object with the truth; for mode supervised
	prior    func(a *assembly) *gorgonia.Node // judges the object by itself, in either mode

	// pixel is the part of patterns at one pixel of modelled and measured intensities; set with patterns.
	pixel func(c StepConfig, modelled, measured float64) float64
}

// builder is the function that builds the term, nil if the mode has none.
func (t term) builder(supervised bool) func(a *assembly) *gorgonia.Node {
	switch {
	case t.prior != nil:
		return t.prior
	case supervised:
		return t.truth
	}
	return t.patterns
}

// needs reports whether a term of the loss reads a batch input.
func (l Loss) needs(input string) bool {
	return slices.ContainsFunc(l.terms(), func(t term) bool { return *t.weight > 0 && slices.Contains(t.needs, input) })
}

// total builds the weighted sum of the terms, ().
func (l Loss) total(a *assembly) *gorgonia.Node {
	var nodes []*gorgonia.Node
	var weights []float64
	for _, t := range l.terms() {
		if *t.weight != 0 {
			nodes, weights = append(nodes, t.builder(a.config.Supervised)(a)), append(weights, *t.weight)
		}
	}
	return forward.Total(nodes, weights)
}

// atPixel is the loss of one pixel of modelled and measured intensities, in units of the mean intensity: the loss of
// mode physics is its mean, and priors.
func (l Loss) atPixel(c StepConfig) func(modelled, measured float64) float64 {
	terms := slices.DeleteFunc(l.terms(), func(t term) bool { return t.pixel == nil })
	return func(modelled, measured float64) float64 {
		sum := 0.0
		for _, t := range terms {
			sum += *t.weight * t.pixel(c, modelled, measured)
		}
		return sum
	}
}

// String is the loss as a formula: "poisson", "0.5 poisson + 0.1 mae".
func (l Loss) String() string {
	var parts []string
	for _, t := range l.terms() {
		switch *t.weight {
		case 0:
		case 1:
			parts = append(parts, t.name)
		default:
			parts = append(parts, strconv.FormatFloat(*t.weight, 'g', -1, 64)+" "+t.name)
		}
	}
	return strings.Join(parts, " + ")
}

// validate reports the first weight that makes no sense, as a *badinput.Error.
func (l Loss) validate(mode Mode) error {
	for _, t := range l.terms() {
		if w := *t.weight; !(w >= 0) || math.IsInf(w, 0) {
			return &badinput.Error{Key: t.setting, Found: fmt.Sprint(w), Expected: "0 or a positive number"}
		}
	}
	var settings, weights []string
	data := false // some term compares with data
	for _, t := range l.terms() {
		if *t.weight != 0 && t.builder(mode == Supervised) == nil {
			return &badinput.Error{
				Key: t.setting, Found: fmt.Sprint(*t.weight), Expected: fmt.Sprintf("0 with mode %s", mode),
				Remedy: "compare with the truth by --loss mae: it holds no photons",
			}
		}
		if t.prior == nil {
			settings, weights = append(settings, t.setting), append(weights, fmt.Sprint(*t.weight))
			data = data || *t.weight > 0
		}
	}
	if !data {
		return &badinput.Error{
			Key: strings.Join(settings, ", "), Found: strings.Join(weights, " and "), Expected: "at least one above 0",
			Remedy: "a loss has to compare with the data",
		}
	}
	return nil
}

// Term names the term of a loss that has a single one.
type Term string

// The terms that can stand alone; see Loss.
const (
	Poisson Term = "poisson"
	MAE     Term = "mae"
)

// UnmarshalText reads a term from a flag or a configuration file.
func (t *Term) UnmarshalText(text []byte) error {
	var names []Term
	for _, row := range new(Loss).terms() {
		if row.prior == nil {
			names = append(names, Term(row.name))
		}
	}
	return choice.Set(t, text, names...)
}

// Loss is the term at weight 1; for the empty Term, Poisson.
func (t Term) Loss() Loss {
	var l Loss
	rows := l.terms()
	i := slices.IndexFunc(rows, func(row term) bool { return row.name == string(t) })
	*rows[max(i, 0)].weight = 1
	return l
}

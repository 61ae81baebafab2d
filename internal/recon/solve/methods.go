package solve

import (
	"context"
	"maps"
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/choice"
	"ptyx/internal/graph/ops"
	"ptyx/internal/recon/engine"
)

// Method names a way to turn the misfit of patterns into a change of object and probe.
type Method string

// The methods.
const (
	LSQML Method = "lsqml"
	EPIE  Method = "epie"
)

// methods are all methods: the constructor, and whether it computes on the engine or in Go.
var methods = map[Method]struct {
	new      func(*state, engine.Engine) (method, error)
	onEngine bool
}{
	LSQML: {func(s *state, e engine.Engine) (method, error) {
		step, err := newStepper(s, e)
		if err != nil {
			return nil, err
		}
		return newLSQML(s, step), nil
	}, true},
	EPIE: {func(s *state, _ engine.Engine) (method, error) { return newEPIE(s), nil }, false},
}

// OnEngine reports whether a method computes on the engine. The others compute in Go.
func (m Method) OnEngine() bool { return methods[m].onEngine }

// method is a solver of a state.
type method interface {
	// start prepares a pass: it continues object, probe and positions by momentum.
	start(number int)
	// pass updates object and probe by every pattern once.
	pass(ctx context.Context, number int) (misfits, error)
	// converged gets the likelihood of a pass and reports whether further passes would gain nothing.
	converged(loss float64) bool
	// shifted is called after object and probe were shifted together, by whole pixels.
	shifted(rows, cols int)
	// restart is called when object, probe and positions have gone back to an earlier state.
	restart()
	// each calls take with each pattern's sum (|F| - d)^2 and its gradient by the object, minus sum_k conj(P_k) chi_k,
	// (N, N). It changes nothing.
	each(take func(id int, squares float64, re, im []float32)) error
	// close frees what the method holds of the engine.
	close() error
}

// misfits sums up a pass, over all patterns before their updates.
type misfits struct {
	squares float64 // sum (|F| - d)^2
	loss    float64 // the likelihood that is minimised
	updates int     // of object and probe
}

// Likelihood names the noise model that compares modelled and measured patterns.
type Likelihood string

// The likelihoods.
const (
	Amplitude Likelihood = "amplitude" // Gaussian noise of equal strength on the amplitudes: counts above a few
	Poisson   Likelihood = "poisson"
)

// likelihood is a noise model, once for the graph and once for a single pixel. Both are scaled such that minus the
// gradient by the exit wave psi, re + i im, is the residual of psi: see newStep.
type likelihood struct {
	graph func(c stepConfig, intensity, measured, squares *gorgonia.Node) *gorgonia.Node
	// pixel returns the loss, and the factor that turns the far field F into its residual, for the intensity |F|^2, the
	// measured amplitude d and the background of stepConfig.
	pixel func(intensity, d, background float64) (loss, factor float64)
}

var likelihoods = map[Likelihood]likelihood{
	Amplitude: {
		graph: func(_ stepConfig, _, _, squares *gorgonia.Node) *gorgonia.Node {
			return ops.Affine(ops.Sum(squares), 0.5, 0)
		},
		pixel: func(intensity, d, _ float64) (loss, factor float64) {
			amplitude := math.Sqrt(intensity + floorAmplitude)
			return (amplitude - d) * (amplitude - d) / 2, d/amplitude - 1
		},
	},
	Poisson: {
		graph: stepConfig.poisson,
		pixel: func(intensity, d, background float64) (loss, factor float64) {
			ratio := (d*d + background) / (intensity + background)
			return (intensity - d*d + (d*d+background)*math.Log(ratio)) / 4, (ratio - 1) / 2
		},
	},
}

// UnmarshalText reads a method from a flag.
func (m *Method) UnmarshalText(text []byte) error { return choice.Set(m, text, names(methods)...) }

// UnmarshalText reads a likelihood from a flag.
func (l *Likelihood) UnmarshalText(text []byte) error {
	return choice.Set(l, text, names(likelihoods)...)
}

func names[K ~string, V any](table map[K]V) []K { return slices.Sorted(maps.Keys(table)) }

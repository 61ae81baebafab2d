package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/general"
	"ptyx/internal/recon/place"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/solve"
)

// placed finds the positions of a problem from patches that the general network makes of single patterns. The result is
// nil for patterns of a size that the network does not have.
func placed(
	ctx context.Context, p solve.Problem, o engine.Options, log *slog.Logger,
) (found *place.Placement, err error) {
	n := p.Patterns.Side()
	model, c, err := general.Model(n)
	var bad *badinput.Error
	if errors.As(err, &bad) {
		log.Info("positions are refined from where they are: the general network has no such patterns", "size", n)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = withPredictor(o, model, func(network predict.Predictor) error {
		patches, err := patchesOf(ctx, p, network, c)
		if err != nil {
			return err
		}
		found, err = place.Find(ctx, patches)
		return err
	})
	return found, err
}

// place replaces the positions of the problem by those found from patches, if these explain the patterns clearly
// better. The solver's own steps, of up to 4 pixels, come after.
func (j *solution) place(ctx context.Context) error {
	if j.problem.Object != nil || !j.solver.Method.OnEngine() || j.engine.Kind != engine.KindORT {
		return nil // the object was made with these positions; or the network would take too long
	}
	given := j.problem
	if bytes := placingBytes(len(given.X), given.Patterns.Side()); bytes > mostPlacing {
		j.log.Warn("positions are refined from where they are: the patches of so many patterns do not fit into memory",
			"patterns", len(given.X), "MB", bytes/1e6, "limit_MB", mostPlacing/1e6)
		return nil
	}
	j.say("finding positions from %d single patterns", len(given.X))
	found, err := placed(ctx, given, j.engine, j.log)
	if err != nil || found == nil {
		return err
	}
	if found.Pairs < len(given.X) {
		j.log.Warn("positions are refined from where they are: too few neighbours could be registered", "pairs",
			found.Pairs, "patterns", len(given.X))
		return nil
	}
	j.say("comparing them with the given positions by three short solutions")
	t := &trials{job: *j, problem: given, factor: coarseness(given)}
	before := t.residual(ctx, given.X, given.Y)
	x, y, after := found.X, found.Y, t.residual(ctx, found.X, found.Y)
	ownX, ownY := found.StretchedAs(given.X, given.Y)
	if v := t.residual(ctx, ownX, ownY); v < after {
		x, y, after = ownX, ownY, v
	}
	take := after < (1-muchBetter)*before
	j.log.Info("positions found from single patterns", "pairs", found.Pairs, "pixels_from_given",
		fmt.Sprintf("%.2f", found.Given), "spread", fmt.Sprintf("%.2f", found.Spread), "residual",
		fmt.Sprintf("%.5f", after), "residual_as_given", fmt.Sprintf("%.5f", before), "taken", take)
	if take {
		j.problem.GivenX, j.problem.GivenY = given.X, given.Y
		j.problem.X, j.problem.Y = x, y
	}
	return t.err
}

// say prints a line about the progress.
func (j *solution) say(format string, values ...any) {
	if j.progress != nil {
		fmt.Fprintf(j.progress, format+"\n", values...)
	}
}

// mostPlacing is the memory that patches may take for finding positions, in bytes.
const mostPlacing = 4e9

// placingBytes is the memory of a patch in complex64 and its three transforms in complex128, for every pattern.
func placingBytes(patterns, n int) int64 { return int64(patterns) * int64(n*n) * (8 + 3*16) }

// muchBetter is the share of the residual that positions from patches must remove. Those of a network's patches are
// known to about a pixel; the solver finds such errors itself.
const muchBetter = 0.2

// coarseness is the factor by which trials crop the detector: 2 where patterns are wide enough.
func coarseness(p solve.Problem) int {
	if n := p.Patterns.Side(); n%4 == 0 && n >= 96 {
		return 2
	}
	return 1
}

// patchesAtOnce is the number of patterns in a call of the network.
const patchesAtOnce = 16

// patchesOf makes a patch of each pattern, as if its position were a whole number of pixels.
func patchesOf(
	ctx context.Context, p solve.Problem, network predict.Predictor, c contract.Contract,
) (out place.Patches, err error) {
	n, count := p.Patterns.Side(), len(p.X)
	size := n * n
	out = place.Patches{N: n, Object: make([]complex64, count*size), X: p.X, Y: p.Y}
	probe := ndarray.New[complex64](n, n)
	copy(probe.Data, p.Probe.Data) // the strongest mode
	power, err := p.Light()
	if err != nil {
		return out, err
	}
	optics.NormalisePower(probe, power/float64(count))
	out.Weight = lightWeights(probe)
	taker, ok := network.(predict.ProbeTaker)
	if !ok {
		return out, predict.ErrNoProbe
	}
	batch, err := taker.PrepareProbes(patchesAtOnce, 1)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, batch.Close()) }()
	re, im := batch.Probes()
	for i, v := range probe.Data {
		re.Data[i], im.Data[i] = real(v), imag(v)
	}
	for first := 0; first < count; first += patchesAtOnce {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		used := 0
		for id := first; id < min(first+patchesAtOnce, count); id++ {
			if err := p.Patterns.Read(id, batch.Patterns().Data[used:][:size]); err != nil {
				return out, err
			}
			used += size
		}
		clear(batch.Patterns().Data[used:])
		a, b, err := batch.Run()
		if err != nil {
			return out, err
		}
		predict.Complex(c, a.Data[:used], b.Data[:used], out.Object[first*size:first*size+used])
	}
	return out, nil
}

// lightWeights is |P|^2 / (|P|^2 + 0.3) with |P|^2 of mean 1, as for the patches of reconstruct.Weights.
func lightWeights(probe *ndarray.Complex64) []float64 {
	const knee = 0.3
	light := optics.Light(probe)
	mean := optics.Power(probe) / float64(len(light))
	for i, v := range light {
		light[i] = v / (v + knee*mean)
	}
	return light
}

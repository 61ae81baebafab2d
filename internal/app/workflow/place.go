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

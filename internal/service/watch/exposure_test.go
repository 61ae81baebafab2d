package watch

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
)

// taker is a fake network whose object is proportional to the pattern over the probe's largest value.
type taker struct {
	fake
	powers map[float64]int // batches by the power of their probe; 0: the model's
}

func (p *taker) Prepare(b int) (predict.Batch, error) { return p.prepare(b, nil) }

func (p *taker) PrepareProbes(b, probes int) (predict.ProbeBatch, error) {
	return p.prepare(b, ndarray.New[float32](probes, 1, n, n))
}

func (p *taker) prepare(b int, re *ndarray.Float32) (*takerBatch, error) {
	one, err := p.fake.Prepare(b)
	if err != nil {
		return nil, err
	}
	return &takerBatch{one.(*fakeBatch), p, re}, nil
}

type takerBatch struct {
	*fakeBatch
	taker *taker
	re    *ndarray.Float32
}

func (b *takerBatch) Probes() (re, im *ndarray.Float32) {
	if b.re == nil {
		return nil, nil
	}
	return b.re, ndarray.New[float32](b.re.Shape...)
}

func (b *takerBatch) Run() (first, second *ndarray.Float32, err error) {
	power, largest := 0.0, float32(1)
	if b.re != nil {
		largest = slices.Max(b.re.Data)
		for _, v := range b.re.Data {
			power += float64(v) * float64(v)
		}
	}
	b.taker.powers[power]++
	for i, d := range b.patterns.Data {
		b.amplitude.Data[i], b.phase.Data[i] = d/largest, 0
	}
	return b.amplitude, b.phase, nil
}

// TestExposure: the probe gets the power of the first patterns before the first batch, in steps. So the object is the
// same in whichever order frames arrive, and at once or one by one. A scan of the model's exposure keeps its probe.
func TestExposure(t *testing.T) {
	const count = 40
	d := scanData(count)
	mean := 0.0
	for _, v := range d.Patterns.Data {
		mean += float64(v) * float64(v) / count
	}
	var want []byte
	for seed := range uint64(3) {
		r, network := watching(t), &taker{powers: map[float64]int{}}
		var probe *ndarray.Complex64
		r.o.Predictor, r.o.Contract = network, takingModel(mean/20)
		r.o.Exposure = Exposure{Tolerance: 1.5, Scaled: func(p *ndarray.Complex64) { probe = p }}
		order := rand.New(rand.NewPCG(seed, 1)).Perm(count)
		for i, ids := range slices.Collect(slices.Chunk(order, []int{1, 7, count}[seed])) {
			r.step(func() { write(t, r.path(fmt.Sprintf("%02d.npz", i)), members(d, ids, true)) })
		}
		out, err := Run(t.Context(), r.o)
		if err != nil || out.Frames != count {
			t.Fatalf("%+v, %v", out, err)
		}
		if probe == nil {
			t.Fatal("the probe was not scaled")
		}
		if ratio := optics.Power(probe) / mean; ratio < 1/reconstruct.ExposureStep || ratio > reconstruct.ExposureStep {
			t.Errorf("seed %d: the probe has %.2f of the power of a mean pattern", seed, ratio)
		}
		if len(network.powers) != 1 || network.powers[0] > 0 {
			t.Errorf("seed %d: batches by the power of their probe: %v", seed, network.powers)
		}
		if got := r.saved[len(r.saved)-1]; want == nil {
			want = got
		} else if !bytes.Equal(got, want) {
			t.Errorf("seed %d: another object than that of seed 0", seed)
		}
	}
	r, network := watching(t), &taker{powers: map[float64]int{}}
	r.o.Predictor, r.o.Contract, r.o.Exposure = network, takingModel(mean/1.3), Exposure{Tolerance: 1.5}
	r.step(func() { write(t, r.path("all.npz"), members(d, upTo(count), true)) })
	if _, err := Run(t.Context(), r.o); err != nil || len(network.powers) != 1 || network.powers[0] == 0 ||
		strings.Contains(r.log.String(), "exposure") {
		t.Errorf("%v, batches by the power of their probe: %v; log %s", err, network.powers, r.log.String())
	}
}

// takingModel is the contract of a network that takes the probe, whose own probe has a power.
func takingModel(power float64) contract.Contract {
	c := model()
	c.Probe = c.Probe.Clone()
	optics.NormalisePower(c.Probe, power)
	c.Network = "unrolled"
	return c
}

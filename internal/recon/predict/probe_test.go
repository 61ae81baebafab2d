package predict_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"ptyx/export"
	"ptyx/export/variant"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/predict/local"
	"ptyx/models"
	ort "ptyx/runtime"
	"ptyx/runtime/runtimetest"
)

// side is the number of pixels along the patterns of networks that take the probe.
const side = 32

// pixels is the number of values of a pattern.
const pixels = side * side

// gaussian is a probe of n x n pixels with a curved wavefront.
func gaussian(n int, width float64) *ndarray.Complex64 {
	probe := ndarray.New[complex64](n, n)
	for i := range probe.Data {
		r, c := float64(i/n-n/2), float64(i%n-n/2)
		size := 30 * math.Exp(-(r*r+c*c)/(2*width*width))
		sin, cos := math.Sincos(0.02 * (r*r - r*c))
		probe.Data[i] = complex(float32(size*cos), float32(size*sin))
	}
	return probe
}

// checkpointOf is a checkpoint of an untrained network with a probe, which the unrolled one has as a default.
func checkpointOf(t testing.TB, kind models.Kind, probe *ndarray.Complex64) []byte {
	t.Helper()
	net := models.Config{
		N: probe.Shape[0], Channels: 1, FiltersScale: 1, Extent: models.Full, Kind: kind, InputScale: 1,
		AmplitudeMax: models.DefaultAmplitudeMax,
	}
	m, err := export.Checkpoint(net, net.Initialise(3), contract.Contract{
		Gridsize: 1, TrainingInput: "amplitude", DataDigest: "data", Loss: "poisson", Engine: "tape", Device: "Go",
		Photons: 1e6, Probe: probe,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m.Marshal()
}

// parts are the real and the imaginary parts of probes, one after the other.
func parts(probes ...*ndarray.Complex64) (p predict.Probe) {
	for _, probe := range probes {
		for _, v := range probe.Data {
			p.Re, p.Im = append(p.Re, real(v)), append(p.Im, imag(v))
		}
	}
	return p
}

// compute returns both outputs of a request.
func compute(t testing.TB, p predict.Predictor, r predict.Request) []float32 {
	t.Helper()
	cache := predict.NewCache(p, 1)
	r.First, r.Second = make([]float32, len(r.Patterns)), make([]float32, len(r.Patterns))
	err := cache.Compute([]predict.Request{r}, []int{1, side, side}, 0)
	if err = errors.Join(err, cache.Close()); err != nil {
		t.Error(err) // not Fatal: other goroutines than the test's call this
	}
	return slices.Concat(r.First, r.Second)
}

// eachPredictor runs a test with both predictors.
func eachPredictor(t *testing.T, test func(t *testing.T, open func(model []byte) predict.Predictor)) {
	t.Run("ort", func(t *testing.T) {
		env := runtimetest.Open(t)
		test(t, func(model []byte) predict.Predictor {
			p, err := predict.NewORT(env, model, ort.SessionOptions{Device: ort.CPU, Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
			return p
		})
	})
	t.Run("tape", func(t *testing.T) {
		test(t, func(model []byte) predict.Predictor { return local.NewTape(model) })
	})
}

// TestProbesOfRequests: a probe that comes with the patterns gives the bytes of a checkpoint that has it as its
// default, for all patterns or for each. Offsets change the patches.
func TestProbesOfRequests(t *testing.T) {
	eachPredictor(t, func(t *testing.T, open func(model []byte) predict.Predictor) {
		narrow, wide := gaussian(side, 4), gaussian(side, 7)
		own, other := open(checkpointOf(t, models.Unrolled, narrow)), open(checkpointOf(t, models.Unrolled, wide))
		r := predict.Request{Patterns: testutil.Uniform(5, 0, 20, 3, 1, side, side).Data,
			Offsets: []float32{0.25, -0.5, 0, 0, -0.1, 0.3}}
		want, wantOther := compute(t, own, r), compute(t, other, r)
		if slices.Equal(want, wantOther) {
			t.Fatal("two probes give the same patches")
		}
		centred := r
		centred.Offsets = nil
		if slices.Equal(compute(t, own, centred)[:pixels], want[:pixels]) {
			t.Error("an offset changes nothing")
		}
		for name, c := range map[string]struct {
			probe predict.Probe
			want  []float32
		}{
			"the default":  {parts(narrow), want},
			"another":      {parts(wide), wantOther},
			"for each":     {parts(wide, wide, wide), wantOther},
			"mixed, first": {parts(narrow, wide, wide), slices.Concat(want[:pixels], wantOther[pixels:3*pixels])},
		} {
			with := r
			with.Probe = c.probe
			got := compute(t, own, with)[:len(c.want)]
			if name == "mixed, first" {
				got = got[:3*pixels]
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: other patches than those of a checkpoint with this probe", name)
			}
		}
		if got := compute(t, own, r); !slices.Equal(got, want) {
			t.Error("a request without a probe does not get the model's own again")
		}
	})
}

// TestProbesAtTheSameTime: several goroutines may prepare and run batches with a probe.
func TestProbesAtTheSameTime(t *testing.T) {
	eachPredictor(t, func(t *testing.T, open func(model []byte) predict.Predictor) {
		p := open(checkpointOf(t, models.Unrolled, gaussian(side, 4)))
		r := predict.Request{
			Patterns: testutil.Uniform(5, 0, 20, 1, 1, side, side).Data, Probe: parts(gaussian(side, 7)),
		}
		var all sync.WaitGroup
		results := make([][]float32, 3)
		for i := range results {
			all.Go(func() { results[i] = compute(t, p, r) })
		}
		all.Wait()
		if !slices.Equal(results[0], results[1]) || !slices.Equal(results[0], results[2]) {
			t.Error("the patches differ")
		}
	})
}

// TestProbesThatNoNetworkTakes: a probe for a network without that input is refused, and so is a batch of which one
// request has a probe.
func TestProbesThatNoNetworkTakes(t *testing.T) {
	eachPredictor(t, func(t *testing.T, open func(model []byte) predict.Predictor) {
		old := checkpointOf(t, models.Pattern, gaussian(64, 9))
		request := func(n int) predict.Request {
			image := func() []float32 { return make([]float32, n*n) }
			return predict.Request{Patterns: image(), First: image(), Second: image(),
				Probe: predict.Probe{Re: image(), Im: image()}}
		}
		cache := predict.NewCache(open(old), 1)
		err := cache.Compute([]predict.Request{request(64)}, []int{1, 64, 64}, 0)
		if !errors.Is(err, predict.ErrNoProbe) {
			t.Errorf("a network without a probe: %v", err)
		}
		cache = predict.NewCache(open(checkpointOf(t, models.Unrolled, gaussian(side, 4))), 1)
		if cache.Compute([]predict.Request{request(side), request(side)}, []int{1, side, side}, 0) == nil {
			t.Error("two requests with probes share a batch")
		}
	})
}

// padding is a predictor on CUDA whose outputs are the sums of pattern, offset and probe.
type padding struct{ batches []*paddingBatch }

func (*padding) Provider() string                         { return "CUDAExecutionProvider" }
func (*padding) Fallback() string                         { return "" }
func (*padding) Close() error                             { return nil }
func (p *padding) Prepare(b int) (predict.Batch, error)   { return p.PrepareProbes(b, 0) }
func (b *paddingBatch) Patterns() *ndarray.Float32        { return b.patterns }
func (b *paddingBatch) Offsets() *ndarray.Float32         { return b.offsets }
func (b *paddingBatch) Probes() (re, im *ndarray.Float32) { return b.re, b.im }
func (b *paddingBatch) Close() error                      { return nil }

type paddingBatch struct{ patterns, offsets, re, im *ndarray.Float32 }

func (p *padding) PrepareProbes(b, probes int) (predict.ProbeBatch, error) {
	batch := &paddingBatch{patterns: ndarray.New[float32](b, 1, 1, 1), offsets: ndarray.New[float32](b, 2)}
	if probes > 0 {
		batch.re, batch.im = ndarray.New[float32](probes, 1, 1, 1), ndarray.New[float32](probes, 1, 1, 1)
	}
	p.batches = append(p.batches, batch)
	return batch, nil
}

func (b *paddingBatch) Run() (first, second *ndarray.Float32, err error) {
	first, second = b.patterns.Clone(), b.patterns.Clone()
	for i := range first.Data {
		first.Data[i] += b.offsets.Data[2*i] + b.re.Data[i%len(b.re.Data)]
		second.Data[i] += b.offsets.Data[2*i+1] + b.im.Data[i%len(b.im.Data)]
	}
	return first, second, nil
}

// TestPaddedProbes: on CUDA a smaller batch is padded to one size, and no probe of the padding is dark.
func TestPaddedProbes(t *testing.T) {
	for _, probe := range []predict.Probe{{Re: []float32{3}, Im: []float32{5}},
		{Re: []float32{3, 7, 9}, Im: []float32{5, 2, 1}}} {
		p := &padding{}
		r := predict.Request{Patterns: []float32{10, 20, 30}, Offsets: []float32{0.1, 0.2, 0.3, 0.4, 0.5, -0.5},
			Probe: probe, First: make([]float32, 3), Second: make([]float32, 3)}
		if err := predict.NewCache(p, 1).Compute([]predict.Request{r}, []int{1, 1, 1}, 8); err != nil {
			t.Fatal(err)
		}
		for i, d := range r.Patterns {
			first := d + (r.Offsets[2*i] + probe.Re[i%len(probe.Re)])
			second := d + (r.Offsets[2*i+1] + probe.Im[i%len(probe.Im)])
			if r.First[i] != first || r.Second[i] != second {
				t.Errorf("%d probes: sample %d is (%v, %v), want (%v, %v)", len(probe.Re), i, r.First[i], r.Second[i],
					first, second)
			}
		}
		b := p.batches[0]
		samples, probes := b.patterns.Shape[0], b.re.Shape[0]
		if samples != 8 || probes != 1 && probes != 8 || slices.Contains(b.re.Data, 0) {
			t.Errorf("%d probes: prepared %d for %d patterns: %v", len(probe.Re), probes, samples, b.re.Data)
		}
	}
}

// TestPartsOfRequests: a part has the samples, offsets and probes of its range.
func TestPartsOfRequests(t *testing.T) {
	r := predict.Request{
		Patterns: []float32{1, 2, 3}, Offsets: []float32{1, 2, 3, 4, 5, 6}, First: make([]float32, 3),
		Second: make([]float32, 3), Probe: predict.Probe{Re: []float32{1, 2, 3}, Im: []float32{4, 5, 6}},
	}
	part := r.Part(1, 3, 1)
	part.First[0] = 7
	if !slices.Equal(part.Patterns, r.Patterns[1:]) || !slices.Equal(part.Offsets, r.Offsets[2:]) ||
		!slices.Equal(part.Probe.Im, r.Probe.Im[1:]) || !slices.Equal(part.Probe.Re, r.Probe.Re[1:]) ||
		r.First[1] != 7 {
		t.Errorf("%+v of %+v", part, r)
	}
	r.Offsets, r.Probe = nil, predict.Probe{Re: r.Probe.Re[:1], Im: r.Probe.Im[:1]}
	if part = r.Part(1, 3, 1); part.Offsets != nil || len(part.Probe.Re) != 1 || part.Probe.Re[0] != 1 {
		t.Errorf("%+v of %+v", part, r)
	}
}

// TestProbesOfAFixedBatch: a model that takes batches of one size gets a probe for each pattern in parts, the last of
// which is filled up.
func TestProbesOfAFixedBatch(t *testing.T) {
	env := runtimetest.Open(t)
	narrow, wide := gaussian(side, 4), gaussian(side, 7)
	model := checkpointOf(t, models.Unrolled, narrow)
	r := predict.Request{Patterns: testutil.Uniform(5, 0, 20, 3, 1, side, side).Data, Probe: parts(narrow, wide, wide)}
	patches := func(model []byte) []float32 {
		p, err := predict.NewORT(env, model, ort.SessionOptions{Device: ort.CPU, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		return compute(t, p, r)
	}
	want := patches(model)
	for _, batch := range []int{2, 8} {
		fixed, err := variant.Make(model, variant.Options{Batch: batch})
		if err != nil {
			t.Fatal(err)
		}
		testutil.CheckClose(t, fmt.Sprint("batches of ", batch), patches(fixed), want, 1e-6)
	}
}

package workflow

import (
	"fmt"
	"slices"
	"testing"

	"ptyx/internal/base/testutil"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/general"
	"ptyx/internal/recon/predict"
	ort "ptyx/runtime"
)

// A server has the general network for patterns of every size. Its own patches and those of its workers are the same.
func TestTheGeneralNetworkOfOtherSizes(t *testing.T) {
	sizes := []int{32, 96, 128}
	o := ServeOptions{Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 1}, InFlight: 4}
	for _, n := range sizes {
		o.Models = append(o.Models, fmt.Sprintf("%s:%d", general.Name, n))
	}
	here := &loading{options: o, log: silent()}
	defer here.release()
	if err := here.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.Workers = broker(t)
	work(t, o.Workers, 1, silent())
	elsewhere := &loading{options: o, log: silent()}
	defer elsewhere.release()
	if err := elsewhere.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, n := range sizes {
		want, got := generalRequest(t, n), generalRequest(t, n)
		cache := predict.NewCache(here.models[i].Predictor, 1)
		if err := cache.Compute([]predict.Request{want}, []int{1, n, n}, 0); err != nil {
			t.Fatal(err)
		}
		if err := cache.Close(); err != nil {
			t.Error(err)
		}
		if _, err := elsewhere.network.Compute(t.Context(), o.Models[i], []predict.Request{got}); err != nil {
			t.Fatal(err)
		}
		for what, pair := range map[string][2][]float32{
			"real part": {want.First, got.First}, "imaginary part": {want.Second, got.Second},
			"variance": {want.LogVariance, got.LogVariance},
		} {
			if !slices.Equal(pair[0], pair[1]) || slices.Max(pair[0]) == slices.Min(pair[0]) {
				t.Errorf("N = %d: the workers have another %s", n, what)
			}
		}
	}
}

// generalRequest is two patterns of n pixels with the general network's own probe, and room for its answer.
func generalRequest(t *testing.T, n int) predict.Request {
	t.Helper()
	probe, err := general.Probe(n)
	if err != nil {
		t.Fatal(err)
	}
	r := predict.Request{
		Patterns: testutil.Uniform(1, 0, 30, 2, 1, n, n).Data, Offsets: []float32{0.25, -0.5, 0.125, 0},
		First: make([]float32, 2*n*n), Second: make([]float32, 2*n*n), LogVariance: make([]float32, 2*n*n),
	}
	for _, v := range probe.Data {
		r.Probe.Re, r.Probe.Im = append(r.Probe.Re, real(v)), append(r.Probe.Im, imag(v))
	}
	return r
}

package predict_test

import (
	"math"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/predict"
)

const n = 64

// Compare detects a wrong model: NaN, another phase, another amplitude.
func TestCompareSeesDifferences(t *testing.T) {
	c := contract.Contract{N: n, Channels: 1, Probe: ndarray.Wrap(slices.Repeat([]complex64{1}, n*n), n, n)}
	patterns := ndarray.New[float32](1, 1, n, n)
	for name, p := range map[string]constant{
		"nan": {1, float32(math.NaN())}, "phase": {1, 0.1}, "amplitude": {1.2, 0},
	} {
		apart, err := predict.Compare(constant{1, 0}, p, c, patterns)
		if err != nil || !(apart.RMS > 5e-3) {
			t.Errorf("%s: %+v, %v", name, apart, err)
		}
	}
	if apart, err := predict.Compare(constant{1, 0.5}, constant{1, 0.5}, c, patterns); err != nil ||
		apart.Largest != 0 {
		t.Errorf("equal predictors: %+v, %v", apart, err)
	}
}

// constant is a predictor of the same object everywhere.
type constant struct{ amplitude, phase float32 }

func (c constant) Prepare(b int) (predict.Batch, error) {
	fill := func(v float32) *ndarray.Float32 {
		return ndarray.Wrap(slices.Repeat([]float32{v}, b*n*n), b, 1, n, n)
	}
	return constantBatch{fill(0), fill(c.amplitude), fill(c.phase)}, nil
}
func (constant) Provider() string { return "constant" }
func (constant) Fallback() string { return "" }
func (constant) Close() error     { return nil }

type constantBatch struct{ patterns, amplitude, phase *ndarray.Float32 }

func (b constantBatch) Patterns() *ndarray.Float32 { return b.patterns }
func (b constantBatch) Offsets() *ndarray.Float32  { return nil }
func (b constantBatch) Run() (amplitude, phase *ndarray.Float32, err error) {
	return b.amplitude, b.phase, nil
}
func (constantBatch) Close() error { return nil }

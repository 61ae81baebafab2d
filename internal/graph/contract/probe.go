package contract

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
)

// ErrFixedProbe is the cause of the error for a model that does not take the probe.
var ErrFixedProbe = errors.New("it knows only the probe of its training")

// WithProbe replaces the default of the model's inputs for the probe by the given one (N, N), and the probe, its digest
// and its photons in the contract, which it returns. |FFT2(probe * object)|^2 / N^2 is in the unit of the patterns that
// the model will be fed with. The weights stay as they are. A model without these inputs, and a probe of another size,
// without light or with values that are not finite, is a *badinput.Error; the cause of the first is ErrFixedProbe. The
// model is then unchanged.
func WithProbe(m *onnxir.Model, probe *ndarray.Complex64) (Contract, error) {
	c, err := Parse(m)
	if err != nil {
		return Contract{}, err
	}
	if err := SetDefaultProbe(m, c, probe); err != nil {
		return Contract{}, err
	}
	c.Probe, c.ProbeDigest, c.Photons = probe, optics.ProbeDigest(probe), optics.Power(probe)
	for _, now := range c.Properties() {
		if i := slices.IndexFunc(m.Metadata, func(p onnxir.Property) bool { return p.Key == now.Key }); i >= 0 {
			m.Metadata[i].Value = now.Value
		}
	}
	return c, nil
}

// SetDefaultProbe replaces the default of the inputs as WithProbe does, and leaves the contract c of the model as it
// is.
func SetDefaultProbe(m *onnxir.Model, c Contract, probe *ndarray.Complex64) error {
	re, im, err := defaults(m, c)
	if err != nil {
		return err
	}
	if err := usable(probe, c.N); err != nil {
		return err
	}
	parts := [2][]float32{make([]float32, len(probe.Data)), make([]float32, len(probe.Data))}
	for i, p := range probe.Data {
		parts[0][i], parts[1][i] = real(p), imag(p)
	}
	re.Raw, im.Raw = onnxir.FloatBytes(parts[0]), onnxir.FloatBytes(parts[1])
	return nil
}

// DefaultProbe is the default (N, N) of the inputs, in the unit of the patterns. A model without them gives the error
// of WithProbe.
func DefaultProbe(m *onnxir.Model, c Contract) (*ndarray.Complex64, error) {
	re, im, err := defaults(m, c)
	if err != nil {
		return nil, err
	}
	res, err := re.Floats()
	if err != nil {
		return nil, err
	}
	ims, err := im.Floats()
	if err != nil {
		return nil, err
	}
	probe := ndarray.New[complex64](c.N, c.N)
	for i := range probe.Data {
		probe.Data[i] = complex(res[i], ims[i])
	}
	return probe, nil
}

// defaults are those of the inputs for the probe, (1, 1, N, N) each.
func defaults(m *onnxir.Model, c Contract) (re, im *onnxir.Tensor, err error) {
	re, im = defaultOf(m.Graph, ProbeReInput, c.N), defaultOf(m.Graph, ProbeImInput, c.N)
	if c.TakesProbe() && re != nil && im != nil {
		return re, im, nil
	}
	return nil, nil, &badinput.Error{
		Key: "graph", Found: "network " + c.Network, Expected: "a network that takes the probe", Cause: ErrFixedProbe,
		Remedy: "train with --network unrolled, or keep the model's probe",
	}
}

// defaultOf is the default (1, 1, N, N) of an optional input; nil: the graph has no such input.
func defaultOf(g *onnxir.Graph, name string, n int) *onnxir.Tensor {
	if !slices.ContainsFunc(g.Inputs, func(in onnxir.ValueInfo) bool { return in.Name == name }) {
		return nil
	}
	for _, t := range g.Initializers {
		if t.Name == name && t.Type == onnxir.Float && slices.Equal(t.Dims, []int64{1, 1, int64(n), int64(n)}) {
			return t
		}
	}
	return nil
}

// usable refuses a probe that has another shape than (n, n), no light, or values that are not finite.
func usable(probe *ndarray.Complex64, n int) error {
	fault := func(found, expected string) error {
		return &badinput.Error{Key: "probe", Found: found, Expected: expected}
	}
	if !slices.Equal(probe.Shape, []int{n, n}) {
		return fault(fmt.Sprintf("a probe of shape %v", probe.Shape), fmt.Sprintf("(%d, %d)", n, n))
	}
	switch power := optics.Power(probe); {
	case math.IsNaN(power) || math.IsInf(power, 0):
		return fault("a probe with values that are not finite", "finite values")
	case power == 0:
		return fault("a probe that is zero everywhere", "a probe with light")
	}
	return nil
}

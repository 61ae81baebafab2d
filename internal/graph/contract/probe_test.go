package contract_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
)

// takingProbe is a model of the sample's contract whose graph has inputs for the probe, with defaults.
func takingProbe(t *testing.T) *onnxir.Model {
	t.Helper()
	c := sample()
	c.Network, c.Channels, c.Gridsize = "unrolled", 1, 1
	m := file(c.Properties())
	for _, name := range []string{contract.ProbeReInput, contract.ProbeImInput} {
		m.Graph.Inputs = append(m.Graph.Inputs, onnxir.ValueInfo{Name: name, Type: onnxir.Float})
		m.Graph.Initializers = append(m.Graph.Initializers, &onnxir.Tensor{
			Name: name, Type: onnxir.Float, Dims: []int64{1, 1, int64(c.N), int64(c.N)}, Raw: make([]byte, 4*c.N*c.N),
		})
	}
	m.Metadata = append(m.Metadata, onnxir.Property{Key: "of another program", Value: "kept"})
	return m
}

func TestAnotherProbe(t *testing.T) {
	m := takingProbe(t)
	before, err := contract.Parse(m)
	if err != nil {
		t.Fatal(err)
	}
	probe := ndarray.New[complex64](before.N, before.N)
	for i := range probe.Data {
		probe.Data[i] = complex(float32(i), -2)
	}
	got, err := contract.WithProbe(m, probe)
	if err != nil {
		t.Fatal(err)
	}
	again, err := contract.Parse(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]contract.Contract{"returned": got, "in the file": again} {
		want := before
		want.Probe, want.ProbeDigest, want.Photons = probe, optics.ProbeDigest(probe), optics.Power(probe)
		if !slices.Equal(c.Properties(), want.Properties()) {
			t.Errorf("%s: %v", name, c.Properties())
		}
	}
	for i, part := range [2]func(complex64) float32{
		func(p complex64) float32 { return real(p) }, func(p complex64) float32 { return imag(p) },
	} {
		values, err := m.Graph.Initializers[i].Floats()
		if err != nil || values[9] != part(probe.Data[9]) {
			t.Errorf("default %d: %v (%v)", i, values[9], err)
		}
	}
	if kept, _ := m.Property("of another program"); kept != "kept" {
		t.Error("metadata of others are gone")
	}
}

// A refused probe leaves the model unchanged.
func TestRefusedProbes(t *testing.T) {
	n := sample().N
	filled := func(value complex64, side int) *ndarray.Complex64 {
		return ndarray.Wrap(slices.Repeat([]complex64{value}, side*side), side, side)
	}
	nan := complex(float32(math.NaN()), 0)
	for name, c := range map[string]struct {
		probe *ndarray.Complex64
		edit  func(*onnxir.Model)
		words string
		cause error
	}{
		"zeros":        {probe: filled(0, n), words: "zero everywhere"},
		"not finite":   {probe: filled(nan, n), words: "not finite"},
		"another size": {probe: filled(1, n/2), words: "(8, 8)"},
		"two modes":    {probe: ndarray.New[complex64](2, n, n), words: "(8, 8)"},
		"another network": {probe: filled(1, n), words: "network estimate", cause: contract.ErrFixedProbe,
			edit: func(m *onnxir.Model) {
				other := sample()
				other.Network = "estimate"
				m.Metadata = other.Properties()
			}},
		"no such input": {probe: filled(1, n), words: "network unrolled", cause: contract.ErrFixedProbe,
			edit: func(m *onnxir.Model) { m.Graph.Inputs = nil }},
		"default of another shape": {probe: filled(1, n), words: "network unrolled", cause: contract.ErrFixedProbe,
			edit: func(m *onnxir.Model) { m.Graph.Initializers[1].Dims[0] = 2 }},
	} {
		m := takingProbe(t)
		if c.edit != nil {
			c.edit(m)
		}
		before := m.Marshal()
		_, err := contract.WithProbe(m, c.probe)
		var bad *badinput.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.words) || c.cause != nil && bad.Cause != c.cause {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(m.Marshal(), before) {
			t.Errorf("%s: the model has changed", name)
		}
	}
}

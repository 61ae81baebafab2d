package variant_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"ptyx/export"
	"ptyx/export/variant"
	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/predict"
	"ptyx/internal/scan/simulate"
	"ptyx/models"
	ort "ptyx/runtime"
	"ptyx/runtime/runtimetest"
)

const n = 64

// checkpoint is an untrained network of a kind with its contract.
func checkpoint(t *testing.T, kind models.Kind, channels int, extent models.Extent) (model []byte,
	c contract.Contract) {
	t.Helper()
	scan, err := simulate.Run(t.Context(),
		simulate.Options{N: n, Object: simulate.Star, Absorption: 0.4, Phase: 1, Probe: simulate.ZonePlate,
			ProbeSize: 20,
			Scan:      simulate.Raster, Count: 1, Step: 8, Photons: 1e6, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	probe := scan.Probe
	scale := math.Sqrt(n * n / 4 / optics.Power(probe))
	network := models.Config{N: n, Channels: channels, FiltersScale: 1, Extent: extent, Kind: kind, InputScale: scale,
		AmplitudeMax: models.DefaultAmplitudeMax}
	params := network.Initialise(5)
	c = contract.Contract{
		PtyxVersion: "1.2.3", N: n, Gridsize: int(math.Sqrt(float64(channels))), Channels: channels, FiltersScale: 1,
		Network: kind.String(), ObjectExtent: string(extent), TrainingInput: "amplitude", InputScale: scale,
		AmplitudeMax: network.AmplitudeMax, Photons: 1e6, Probe: probe, ProbeDigest: optics.ProbeDigest(probe),
		DataDigest: "data", Loss: "poisson", ValLoss: math.NaN(), Engine: "ort", Device: "CPU",
	}
	m, err := export.Checkpoint(network, params, c)
	if err != nil {
		t.Fatal(err)
	}
	return m.Marshal(), c
}

func predictor(t *testing.T, env *ort.Environment, model []byte) predict.Predictor {
	t.Helper()
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
}

// Every variant says the same as its model, keeps the contract, and tells what it is.
func TestVariantsAgreeWithTheirModel(t *testing.T) {
	env := runtimetest.Open(t)
	wanted := map[string]variant.Options{
		"simplified":           {Simplify: true},
		"batch 3":              {Batch: 3}, // of 5 patterns, so that the last part is filled up
		"opset 13":             {Opset: 13},
		"opset 18":             {Opset: 18},
		"opset 23":             {Opset: 23},
		"float16 convolutions": {Half: true},
		"simplified, batch 2, opset 15, float16 convolutions": {Simplify: true, Batch: 2, Opset: 15, Half: true},
	}
	for name, source := range map[string]struct {
		kind     models.Kind
		channels int
		extent   models.Extent
	}{
		"unrolled": {models.Unrolled, 1, models.Full}, "pattern": {models.Pattern, 1, models.Centre},
		"channels": {models.Pattern, 4, models.Full},
	} {
		model, c := checkpoint(t, source.kind, source.channels, source.extent)
		whole := predictor(t, env, model)
		patterns := predict.RandomPatterns(c, 5, 1)
		for words, o := range wanted {
			t.Run(name+"/"+words, func(t *testing.T) {
				changed, err := variant.Make(model, o)
				if err != nil {
					t.Fatal(err)
				}
				apart, err := predict.Compare(whole, predictor(t, env, changed), c, patterns)
				if err != nil {
					t.Fatal(err)
				}
				if !(apart.RMS <= o.Tolerance()) {
					t.Errorf("differs by %+v, want at most %g RMS", apart, o.Tolerance())
				}
				if o.Half && !(apart.RMS > 0) {
					t.Error("float16 changed nothing")
				}
				m, err := onnxir.Unmarshal(changed)
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := m.Property(variant.KeyChanges); got != words {
					t.Errorf("%s is %q, want %q", variant.KeyChanges, got, words)
				}
				if kept, err := contract.Parse(m); err != nil || kept.ProbeDigest != c.ProbeDigest {
					t.Errorf("the contract came back as %+v, %v", kept, err)
				}
				again, err := variant.Make(model, o)
				if err != nil || !bytes.Equal(again, changed) {
					t.Errorf("made again it is another file (%v)", err)
				}
			})
		}
	}
}

// What the options promise of the file, besides the numbers.
func TestVariantsHaveTheirOptions(t *testing.T) {
	model, _ := checkpoint(t, models.Unrolled, 1, models.Full)
	made := func(o variant.Options) *onnxir.Model {
		t.Helper()
		data, err := variant.Make(model, o)
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnxir.Unmarshal(data)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	plain := made(variant.Options{})

	m := made(variant.Options{Simplify: true})
	if len(m.Graph.Nodes) >= len(plain.Graph.Nodes) {
		t.Errorf("%d nodes of %d are left", len(m.Graph.Nodes), len(plain.Graph.Nodes))
	}
	for _, name := range weights(plain) {
		if !slices.Contains(weights(m), name) {
			t.Errorf("the weight %s is gone", name)
		}
	}
	twice, err := variant.Make(m.Marshal(), variant.Options{Simplify: true})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := onnxir.Unmarshal(twice); err != nil || len(again.Graph.Nodes) != len(m.Graph.Nodes) {
		t.Errorf("simplified again it has other nodes (%v)", err)
	}

	m = made(variant.Options{Batch: 7})
	for _, v := range append(m.Graph.Inputs[:1:1], m.Graph.Outputs...) { // probe and offset keep their own symbols
		if v.Dims[0] != (onnxir.Dim{Value: 7}) {
			t.Errorf("%s has the batch %v", v.Name, v.Dims[0])
		}
	}

	m = made(variant.Options{Opset: 19})
	if m.IRVersion != 9 || !slices.Equal(m.Opsets, []onnxir.Opset{{Version: 19}}) {
		t.Errorf("IR %d, %v", m.IRVersion, m.Opsets)
	}

	m = made(variant.Options{Half: true})
	for _, tensor := range m.Graph.Initializers {
		if isWeight(tensor.Name) != (tensor.Type == onnxir.Float16) {
			t.Errorf("%s has type %d", tensor.Name, tensor.Type)
		}
	}
	for _, v := range append(m.Graph.Inputs[:1:1], m.Graph.Outputs...) { // probe and offset keep their own symbols
		if v.Type != onnxir.Float {
			t.Errorf("%s has type %d, want float32", v.Name, v.Type)
		}
	}
}

func isWeight(name string) bool {
	return strings.HasSuffix(name, ".weight") || strings.HasSuffix(name, ".bias")
}

func weights(m *onnxir.Model) []string {
	var names []string
	for _, tensor := range m.Graph.Initializers {
		if isWeight(tensor.Name) || strings.HasPrefix(tensor.Name, "stage.") && !strings.Contains(tensor.Name, "/") {
			names = append(names, tensor.Name)
		}
	}
	return names
}

func TestRefusals(t *testing.T) {
	model, _ := checkpoint(t, models.Pattern, 1, models.Full)
	edited := func(edit func(*onnxir.Model)) []byte {
		m, err := onnxir.Unmarshal(model)
		if err != nil {
			t.Fatal(err)
		}
		edit(m)
		return m.Marshal()
	}
	for name, c := range map[string]struct {
		model []byte
		o     variant.Options
		words []string
	}{
		"negative batch": {model, variant.Options{Batch: -1}, []string{"--fixed-batch", "-1"}},
		"old opset":      {model, variant.Options{Opset: 12}, []string{"--opset", "12", "13 to 23"}},
		"new opset":      {model, variant.Options{Opset: 24}, []string{"--opset", "24"}},
		"fixed already": {edited(func(m *onnxir.Model) { m.Graph.Inputs[0].Dims[0] = onnxir.Dim{Value: 4} }),
			variant.Options{Batch: 2},
			[]string{"--fixed-batch", "batch is 4 already"}},
		"unknown operator": {edited(func(m *onnxir.Model) { m.Graph.Nodes[0].OpType = "Einsum" }),
			variant.Options{Opset: 18}, []string{"--opset", "Einsum"}},
		"large weight": {edited(func(m *onnxir.Model) {
			for _, tensor := range m.Graph.Initializers {
				if tensor.Name == "encoder.0.conv.0.bias" {
					tensor.Raw = onnxir.FloatBytes(slices.Repeat([]float32{1e5}, len(tensor.Raw)/4))
				}
			}
		}), variant.Options{Half: true}, []string{"--fp16", "100000", "encoder.0.conv.0.bias"}},
	} {
		_, err := variant.Make(c.model, c.o)
		var bad *badinput.Error
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v is not the user's kind of error", name, err)
			continue
		}
		for _, w := range c.words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", name, err, w)
			}
		}
	}
}

package serve

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/recon/predict"
)

// port is an input of a model, as requests give it: (samples, ...), or of an optional input also (1, ...).
type port struct {
	name   string
	sample []int // shape behind the samples
	limits limits
}

// portsOf are the inputs of a model: the patterns, and those with a default.
func portsOf(c contract.Contract) []port {
	image := []int{c.Channels, c.N, c.N}
	ports := []port{{contract.PatternsInput, image, amplitudes()}}
	if !c.TakesProbe() {
		return ports
	}
	offsets := limits{-predict.MaxOffset, predict.MaxOffset,
		"-0.5 to 0.5, the subpixel part of a position: c - round(c)"}
	probe := limits{-math.MaxFloat32, math.MaxFloat32, "finite numbers"}
	return append(ports, port{contract.ProbeReInput, image, probe}, port{contract.ProbeImInput, image, probe},
		port{contract.OffsetInput, []int{2}, offsets})
}

// checkPorts refuses a model whose graph has other inputs or outputs than its contract.
func checkPorts(m Model) error {
	hasDefault := func(in onnxir.ValueInfo) bool {
		return slices.ContainsFunc(m.File.Graph.Initializers, func(t *onnxir.Tensor) bool { return t.Name == in.Name })
	}
	required := slices.DeleteFunc(slices.Clone(m.File.Graph.Inputs), hasDefault)
	outputs := m.Contract.Outputs()
	if names(required) != contract.PatternsInput || names(m.File.Graph.Outputs) != strings.Join(outputs, ", ") {
		return predict.NotAPredictor(
			fmt.Sprintf("inputs %.200q and outputs %.200q", names(required), names(m.File.Graph.Outputs)),
		)
	}
	return nil
}

func names(values []onnxir.ValueInfo) string {
	var list []string
	for _, v := range values {
		list = append(list, v.Name)
	}
	return strings.Join(list, ", ")
}

// given is an input of a request with its share of the bytes behind the JSON.
type given struct {
	requestInput
	raw []byte
}

// inputs reads the arrays of a request. raw are the bytes that follow the JSON, of all inputs in their order.
func (m *served) inputs(list []requestInput, raw []byte, held *reservation) (samples int, r predict.Request,
	err error) {
	byName, err := m.sortInputs(list, raw)
	if err != nil {
		return 0, r, err
	}
	samples, _, err = dimensions(byName[contract.PatternsInput].Shape, m.sampleShape(), m.queue.limit)
	if err != nil {
		return 0, r, err
	}
	arrays := map[string][]float32{}
	for _, p := range m.ports {
		in, ok := byName[p.name]
		if !ok {
			continue
		}
		if arrays[p.name], err = in.read(p, samples, held); err != nil {
			return 0, r, naming(p.name, err)
		}
	}
	r.Patterns = arrays[contract.PatternsInput]
	r.Probe = predict.Probe{Re: arrays[contract.ProbeReInput], Im: arrays[contract.ProbeImInput]}
	if err := checkProbe(r.Probe, m.queue.size); err != nil {
		return 0, r, err
	}
	r.Offsets, err = forEach(arrays[contract.OffsetInput], samples, held)
	return samples, r, err
}

// sortInputs finds the inputs of a request by their names, and the bytes of each.
func (m *served) sortInputs(list []requestInput, raw []byte) (map[string]given, error) {
	byName := map[string]given{}
	for _, in := range list {
		known := slices.ContainsFunc(m.ports, func(p port) bool { return p.name == in.Name })
		if _, twice := byName[in.Name]; twice || !known {
			return nil, m.refuseInputs(list)
		}
		g := given{requestInput: in}
		if size := in.Parameters.BinaryDataSize; size != nil {
			g.raw = raw[:min(max(*size, 0), int64(len(raw)))]
			raw = raw[len(g.raw):]
		}
		byName[in.Name] = g
	}
	if _, ok := byName[contract.PatternsInput]; !ok {
		return nil, m.refuseInputs(list)
	}
	if len(raw) > 0 {
		return nil, refuse(http.StatusBadRequest, "%d bytes after the JSON, which no input uses", len(raw))
	}
	return byName, nil
}

func (m *served) refuseInputs(list []requestInput) error {
	var found, optional []string
	for _, in := range list {
		found = append(found, in.Name)
	}
	for _, p := range m.ports[1:] {
		optional = append(optional, p.name)
	}
	expected := "one: " + contract.PatternsInput
	if len(optional) > 0 {
		expected += ", and optionally one each of " + strings.Join(optional, ", ")
	}
	return refuse(http.StatusBadRequest, "inputs %.200s, expected %s", fmt.Sprintf("%.80q", found), expected)
}

// naming adds the name of an input to a refusal.
func naming(name string, err error) error {
	if f := (*failure)(nil); errors.As(err, &f) && f.status == http.StatusBadRequest {
		return refuse(f.status, "%s: %s", name, f.text)
	}
	return err
}

// read reads an input from its JSON data, or from its bytes. An optional input may have one array for all samples.
func (g given) read(p port, samples int, held *reservation) ([]float32, error) {
	if g.Parameters.SharedMemoryRegion != nil {
		return nil, errSharedMemory
	}
	kind, ok := datatypes()[g.Datatype]
	if !ok {
		return nil, refuse(http.StatusBadRequest, "datatype %.20q, expected FP32 (or FP64, UINT8, UINT16, UINT32)",
			g.Datatype)
	}
	values, err := p.values(g.Shape, samples)
	if err != nil {
		return nil, err
	}
	size := g.Parameters.BinaryDataSize
	switch {
	case size == nil && g.Data == nil:
		return nil, refuse(http.StatusBadRequest, "an input without data, expected data or binary_data_size")
	case size != nil && g.Data != nil:
		return nil, refuse(http.StatusBadRequest, "an input with data and binary_data_size, expected one of them")
	case size == nil:
		return fromJSON(g.Data, g.Shape, values, p.limits, held)
	case *size != values*int64(kind.size) || *size != int64(len(g.raw)):
		return nil, refuse(http.StatusBadRequest,
			"binary_data_size %d and %d bytes after the JSON, expected %d of each: shape %v of %s",
			*size, len(g.raw), values*int64(kind.size), g.Shape, g.Datatype)
	}
	return fromBytes(g.raw, kind, p.limits, held)
}

// values checks a shape and returns the number of its values.
func (p port) values(shape []int64, samples int) (int64, error) {
	one, all := protocolShape(1, p.sample), protocolShape(samples, p.sample)
	switch {
	case slices.Equal(shape, all):
		return int64(samples * ndarray.Size(p.sample)), nil
	case slices.Equal(shape, one):
		return int64(ndarray.Size(p.sample)), nil
	}
	return 0, refuse(http.StatusBadRequest, "shape %v, expected %v or %v", shape, one, all)
}

// forEach gives every sample the offset that is for all of them.
func forEach(offsets []float32, samples int, held *reservation) ([]float32, error) {
	if len(offsets) != 2 || samples == 1 {
		return offsets, nil
	}
	if err := held.add(4 * 2 * int64(samples)); err != nil {
		return nil, err
	}
	return slices.Repeat(offsets, samples), nil
}

// checkProbe requires both parts of the same probes, and light in each. Without light the network divides by zero.
func checkProbe(p predict.Probe, image int) error {
	if len(p.Re) != len(p.Im) {
		return refuse(http.StatusBadRequest, "%s has %d values and %s %d, expected both of one shape",
			contract.ProbeReInput, len(p.Re), contract.ProbeImInput, len(p.Im))
	}
	for i := range p.Count(image) {
		light := 0.0
		for k := i * image; k < (i+1)*image; k++ {
			re, im := float64(p.Re[k]), float64(p.Im[k])
			light += re*re + im*im
		}
		if !(light > 0 && light <= math.MaxFloat32) {
			return refuse(http.StatusBadRequest, "probe %d has %.3g photons, expected more than 0, and a float32", i,
				light)
		}
	}
	return nil
}

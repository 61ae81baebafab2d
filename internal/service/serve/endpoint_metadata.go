package serve

import (
	"net/http"
	"slices"

	"ptyx/internal/base/version"
)

// modelVersion is the only version of each model; another file needs another name.
const modelVersion = "1"

func (s *Server) serverMetadata(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, map[string]any{
		"name": "ptyx", "version": version.String, "extensions": []string{"binary_tensor_data"},
	})
	return nil
}

type tensorMetadata struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape"` // -1: any size
}

type modelMetadata struct {
	Name     string           `json:"name"`
	Versions []string         `json:"versions"`
	Platform string           `json:"platform"`
	Inputs   []tensorMetadata `json:"inputs"`
	Outputs  []tensorMetadata `json:"outputs"`
	// Optional inputs have a default. They are not among the others, because clients that feed every listed input, such
	// as load generators, would send a probe and offsets of random numbers.
	Optional []tensorMetadata `json:"optional_inputs,omitempty"`
}

func (s *Server) modelMetadata(w http.ResponseWriter, r *http.Request) error {
	m, err := s.model(r)
	if err != nil {
		return err
	}
	tensor := func(name string, sample []int) tensorMetadata {
		return tensorMetadata{Name: name, Datatype: "FP32", Shape: protocolShape(-1, sample)}
	}
	about := modelMetadata{
		Name: m.Name, Versions: []string{modelVersion}, Platform: "onnxruntime_onnx",
		Inputs: []tensorMetadata{tensor(m.ports[0].name, m.ports[0].sample)},
	}
	for _, p := range m.ports[1:] {
		about.Optional = append(about.Optional, tensor(p.name, p.sample))
	}
	for _, name := range m.outputs {
		about.Outputs = append(about.Outputs, tensor(name, m.sampleShape()))
	}
	writeJSON(w, http.StatusOK, about)
	return nil
}

// listModels lists the models for the page; the protocol has no such list.
func (s *Server) listModels(w http.ResponseWriter, _ *http.Request) error {
	type entry struct {
		Name     string `json:"name"`
		N        int    `json:"n"`
		Channels int    `json:"channels"`
		Digest   string `json:"digest"`
		Device   string `json:"device"`                    // empty: workers compute
		Fallback string `json:"device_fallback,omitempty"` // why it is the CPU although auto found CUDA
	}
	list := []entry{}
	for _, name := range slices.Sorted(slices.Values(s.names)) {
		m := s.models[name]
		device, fallback := m.device()
		list = append(list, entry{m.Name, m.Contract.N, m.Contract.Channels, m.Digest, device, fallback})
	}
	writeJSON(w, http.StatusOK, map[string]any{"models": list})
	return nil
}

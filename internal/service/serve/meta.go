package serve

import (
	"net/http"

	"ptyx/internal/base/version"
)

// modelVersion is the one version of each model: another file is served under another name.
const modelVersion = "1"

// live answers as long as the process does.
func (s *Server) live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]bool{"live": true})
}

// takesWork tells whether the server takes work, and what computes it is there.
func (s *Server) takesWork() bool { return !s.gate.isShut() && s.network.Ready() == nil }

// ready answers whether all work is taken: not while the server shuts down, nor before the scans of an earlier one are back.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	ready := s.takesWork() && s.scans.back()
	writeJSON(w, readyStatus(ready), map[string]bool{"ready": ready})
}

func readyStatus(ready bool) int {
	if ready {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}

// modelReady answers whether a model takes work: if the server does.
func (s *Server) modelReady(w http.ResponseWriter, r *http.Request) {
	m, err := s.model(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ready := s.takesWork()
	writeJSON(w, readyStatus(ready), map[string]any{"name": m.Name, "ready": ready})
}

func (s *Server) serverMetadata(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"name": "ptyx", "version": version.String, "extensions": []string{"binary_tensor_data"}})
}

type tensorMetadata struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape"` // -1: any
}

type modelMetadata struct {
	Name     string           `json:"name"`
	Versions []string         `json:"versions"`
	Platform string           `json:"platform"`
	Inputs   []tensorMetadata `json:"inputs"`
	Outputs  []tensorMetadata `json:"outputs"`
}

func (s *Server) modelMetadata(w http.ResponseWriter, r *http.Request) {
	m, err := s.model(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	tensor := func(name string) tensorMetadata {
		return tensorMetadata{Name: name, Datatype: "FP32", Shape: shapeText(-1, m.sampleShape())}
	}
	writeJSON(w, http.StatusOK, modelMetadata{
		Name: m.Name, Versions: []string{modelVersion}, Platform: "onnxruntime_onnx",
		Inputs: []tensorMetadata{tensor(m.input)}, Outputs: []tensorMetadata{tensor(m.outputs[0]), tensor(m.outputs[1])},
	})
}

// modelList names what is served, for the page; the protocol has no such list.
func (s *Server) modelList(w http.ResponseWriter, _ *http.Request) {
	type entry struct {
		Name    string `json:"name"`
		N       int    `json:"n"`
		Patches int    `json:"channels"`
		Digest  string `json:"digest"`
	}
	list := []entry{}
	for _, name := range s.sortedNames() {
		m := s.models[name]
		list = append(list, entry{m.Name, m.Contract.N, m.Contract.Channels, m.Digest})
	}
	writeJSON(w, http.StatusOK, map[string]any{"models": list})
}

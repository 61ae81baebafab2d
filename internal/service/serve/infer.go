package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// model finds the model of a request's address.
func (s *Server) model(r *http.Request) (*served, error) {
	name, version := r.PathValue("model"), r.PathValue("version")
	m := s.models[name]
	if m == nil {
		return nil, refuse(http.StatusNotFound, "no model %.80q", name)
	}
	if version != "" && version != modelVersion {
		return nil, refuse(http.StatusNotFound, "no version %.20q of model %s, expected %s", version, name, modelVersion)
	}
	return m, nil
}

// infer answers a request for inference.
func (s *Server) infer(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	m, err := s.model(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	status := http.StatusOK
	if err := s.inferWith(w, r, m, start); err != nil {
		status = s.fail(w, r, err)
	}
	s.metrics.answered(m.Name, status, time.Since(start))
}

func (s *Server) inferWith(w http.ResponseWriter, r *http.Request, m *served, start time.Time) error {
	ctx, cancel := context.WithDeadline(r.Context(), start.Add(s.options.Timeout))
	defer cancel()
	body, release, err := s.body(ctx, w, r)
	if err != nil {
		return err
	}
	defer release()
	in, err := m.parse(body, r.Header.Get(headerLength))
	if err != nil {
		return err
	}
	if in.timeout > 0 && in.timeout < s.options.Timeout {
		var end context.CancelFunc
		ctx, end = context.WithDeadline(ctx, start.Add(in.timeout))
		defer end()
	}
	out, err := m.queue.submit(ctx, in.patterns)
	if err != nil {
		return err
	}
	return m.answer(w, in, [2][]float32{out.amplitude, out.phase})
}

// inferResponse is the JSON of an answer.
type inferResponse struct {
	ModelName    string           `json:"model_name"`
	ModelVersion string           `json:"model_version"`
	ID           string           `json:"id,omitempty"`
	Outputs      []responseOutput `json:"outputs"`
}

type responseOutput struct {
	Name       string          `json:"name"`
	Shape      []int64         `json:"shape"`
	Datatype   string          `json:"datatype"`
	Parameters *binarySize     `json:"parameters,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
}

type binarySize struct {
	Size int `json:"binary_data_size"`
}

// answer writes the outputs asked for, in the order in which they were.
func (m *served) answer(w http.ResponseWriter, in *inference, results [2][]float32) error {
	response := inferResponse{ModelName: m.Name, ModelVersion: modelVersion, ID: in.id}
	var raw []byte
	for _, want := range in.wanted {
		values := results[want.index]
		out := responseOutput{Name: m.outputs[want.index], Shape: shapeText(in.samples, m.sampleShape()), Datatype: "FP32"}
		if want.binary {
			out.Parameters = &binarySize{4 * len(values)}
			raw = appendBinary(raw, values)
		} else {
			data, err := appendJSON(nil, values)
			if err != nil {
				return err
			}
			out.Data = data
		}
		response.Outputs = append(response.Outputs, out)
	}
	if raw == nil {
		writeJSON(w, http.StatusOK, response)
		return nil
	}
	header, err := json.Marshal(response)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set(headerLength, strconv.Itoa(len(header)))
	w.Header().Set("Content-Length", strconv.Itoa(len(header)+len(raw)))
	_, _ = w.Write(header) // the client may have gone
	_, _ = w.Write(raw)
	return nil
}

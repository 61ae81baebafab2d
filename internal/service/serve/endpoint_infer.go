package serve

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// infer computes the patches of the patterns in a request: POST /v2/models/{model}/infer.
func (s *Server) infer(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	m, err := s.model(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(r.Context(), start.Add(s.options.Timeout))
	defer cancel()
	err = s.withBody(ctx, w, r, func(body []byte, held *reservation) error {
		in, err := m.parse(body, r.Header.Get(headerLength), held)
		if err != nil {
			return err
		}
		if in.timeout > 0 && in.timeout < s.options.Timeout {
			var end context.CancelFunc
			ctx, end = context.WithDeadline(ctx, start.Add(in.timeout))
			defer end()
		}
		out, err := m.queue.submit(ctx, in.request, in.needsVariance())
		if err != nil {
			return err
		}
		return m.answer(w, in, out.outputs)
	})
	status, _ := explain(err)
	s.metrics.answered(m.Name, status, time.Since(start))
	return err
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

// answer writes the requested outputs in the requested order. Binary tensors follow the JSON.
func (m *served) answer(w http.ResponseWriter, in *inference, results [][]float32) error {
	response := inferResponse{ModelName: m.Name, ModelVersion: modelVersion, ID: in.id}
	var raw []byte
	for _, requested := range in.outputs {
		values := results[requested.index]
		out := responseOutput{
			Name: m.outputs[requested.index], Shape: protocolShape(in.samples, m.sampleShape()), Datatype: "FP32",
		}
		if requested.binary {
			out.Parameters = &binarySize{4 * len(values)}
			raw, _ = binary.Append(raw, binary.LittleEndian, values) // never fails for numbers
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
	w.Header().Set(headerLength, strconv.Itoa(len(header)))
	writeBody(w, http.StatusOK, "application/octet-stream", header, raw)
	return nil
}

package serve

import (
	"encoding/json"
	"math"
	"net/http"
	"testing"
)

// FuzzInferBody gives any bytes as the body of a request. Only a failure for the client may come out, or patterns that are what their
// shape says and a detector can have measured.
func FuzzInferBody(f *testing.F) {
	s := started(f, options(&fake{channels: 1}))
	m := s.models["net"]
	f.Add(jsonRequest(f, 1, nil), "")
	f.Add(jsonRequest(f, 2, map[string]any{"timeout": 5, "binary_data_output": true}), "")
	for _, kind := range []string{"FP32", "FP64", "UINT8", "UINT16", "UINT32"} {
		body, length := binaryRequest(kind, 1, `,"outputs":[{"name":"phase","parameters":{"binary_data":true}}]`, ramp(1))
		f.Add(body, length)
	}
	f.Add([]byte(`{"inputs":[{"name":"amplitude_measured","datatype":"FP32","shape":[1,1,8,8],"data":[[[[1,2],[3]]]]}]}`), "")
	f.Add([]byte(`{"inputs":[{"name":"amplitude_measured","datatype":"FP32","shape":[-1,1,8,8],"parameters":{"binary_data_size":-256}}]}`), "0")
	f.Fuzz(func(t *testing.T, body []byte, length string) {
		in, err := m.parse(body, length)
		if err != nil {
			if status, _ := explain(err); status != http.StatusBadRequest && status != http.StatusRequestEntityTooLarge {
				t.Fatalf("status %d: %v", status, err)
			}
			return
		}
		if in.samples < 1 || in.samples > 16 || len(in.patterns) != in.samples*size*size || len(in.wanted) < 1 || len(in.wanted) > 2 || in.timeout < 0 {
			t.Fatalf("%d samples, %d values, %d outputs, timeout %v", in.samples, len(in.patterns), len(in.wanted), in.timeout)
		}
		for i, v := range in.patterns {
			if !(v >= 0 && v <= math.MaxFloat32) {
				t.Fatalf("element %d is %v", i, v)
			}
		}
		data, err := appendJSON(nil, in.patterns)
		var back []float32
		if err != nil || json.Unmarshal(data, &back) != nil || len(back) != len(in.patterns) {
			t.Fatalf("values that do not come back: %v", err)
		}
	})
}

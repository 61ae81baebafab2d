package serve

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"ptyx/internal/recon/predict"
)

// headerLength is the header with the length of a body's JSON, which raw tensors follow.
const headerLength = "Inference-Header-Content-Length"

// inferRequest is the JSON of a request. Other members are ignored, as the protocol requires.
type inferRequest struct {
	ID         string `json:"id"`
	Parameters struct {
		Timeout          *int64 `json:"timeout"` // microseconds
		BinaryDataOutput bool   `json:"binary_data_output"`
	} `json:"parameters"`
	Inputs  []requestInput  `json:"inputs"`
	Outputs []requestOutput `json:"outputs"`
}

type requestInput struct {
	Name       string  `json:"name"`
	Shape      []int64 `json:"shape"`
	Datatype   string  `json:"datatype"`
	Parameters struct {
		BinaryDataSize     *int64  `json:"binary_data_size"`
		SharedMemoryRegion *string `json:"shared_memory_region"`
	} `json:"parameters"`
	Data json.RawMessage `json:"data"`
}

type requestOutput struct {
	Name       string `json:"name"`
	Parameters struct {
		BinaryData         *bool   `json:"binary_data"`
		Classification     *int64  `json:"classification"`
		SharedMemoryRegion *string `json:"shared_memory_region"`
	} `json:"parameters"`
}

// requestedOutput is an output of the answer; index is its place in the contract.
type requestedOutput struct {
	index  int
	binary bool
}

// inference is a parsed request.
type inference struct {
	id      string
	samples int
	request predict.Request // without the arrays for its outputs
	timeout time.Duration   // 0: the server's
	outputs []requestedOutput
}

// parse parses a body. jsonLength is the value of headerLength; empty: the whole body is JSON.
func (m *served) parse(body []byte, jsonLength string, held *reservation) (*inference, error) {
	header, raw := body, []byte(nil)
	if jsonLength != "" {
		n, err := strconv.ParseUint(jsonLength, 10, 63)
		if err != nil || n > uint64(len(body)) {
			return nil, refuse(http.StatusBadRequest, "%s %.40q, expected 0 to %d, the length of the body",
				headerLength, jsonLength, len(body))
		}
		header, raw = body[:n], body[n:]
	}
	if err := held.add(int64(len(header))); err != nil { // the raw data of an input is a copy
		return nil, err
	}
	var request inferRequest
	if err := decodeJSON(header, &request); err != nil {
		return nil, err
	}
	in := &inference{id: request.ID}
	var err error
	if in.timeout, err = request.timeout(); err != nil {
		return nil, err
	}
	if in.outputs, err = m.requestedOutputs(request); err != nil {
		return nil, err
	}
	in.samples, in.request, err = m.inputs(request.Inputs, raw, held)
	return in, err
}

// decodeJSON reads a single JSON value.
func decodeJSON(data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil { // a json.Decoder would copy data
		return refuse(http.StatusBadRequest, "the body is not the expected JSON: %.200s", err)
	}
	return nil
}

// maxMicroseconds is the longest time that a time.Duration holds.
const maxMicroseconds = int64(1<<63-1) / 1000

func (r inferRequest) timeout() (time.Duration, error) {
	t := r.Parameters.Timeout
	if t == nil {
		return 0, nil
	}
	if *t < 0 {
		return 0, refuse(http.StatusBadRequest, "timeout %d, expected microseconds, 0 (the server's) or more", *t)
	}
	return time.Duration(min(*t, maxMicroseconds)) * time.Microsecond, nil
}

var errSharedMemory = &failure{http.StatusBadRequest, "shared memory is not offered; send the data with the request"}

// needsVariance reports whether the variance is requested.
func (in *inference) needsVariance() bool {
	return slices.ContainsFunc(in.outputs, func(o requestedOutput) bool { return o.index == varianceIndex })
}

// varianceIndex is the place of the variance among the outputs.
const varianceIndex = 2

// requestedOutputs returns the outputs that a request names, or all if it names none.
func (m *served) requestedOutputs(r inferRequest) ([]requestedOutput, error) {
	var all []requestedOutput
	if len(r.Outputs) == 0 {
		for i := range m.outputs {
			all = append(all, requestedOutput{i, r.Parameters.BinaryDataOutput})
		}
		return all, nil
	}
	seen := map[int]bool{}
	for _, o := range r.Outputs {
		out := requestedOutput{slices.Index(m.outputs, o.Name), r.Parameters.BinaryDataOutput}
		switch {
		case out.index < 0:
			return nil, refuse(http.StatusBadRequest, "an output %.80q, expected one of %s", o.Name,
				strings.Join(m.outputs, ", "))
		case seen[out.index]:
			return nil, refuse(http.StatusBadRequest, "the output %s twice, expected each once", o.Name)
		case o.Parameters.Classification != nil:
			return nil, refuse(http.StatusBadRequest, "classification of %s, which is an image", o.Name)
		case o.Parameters.SharedMemoryRegion != nil:
			return nil, errSharedMemory
		}
		seen[out.index] = true
		if b := o.Parameters.BinaryData; b != nil {
			out.binary = *b
		}
		all = append(all, out)
	}
	return all, nil
}

package serve

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
)

// datatype is an element type of the protocol.
type datatype struct {
	size  int                    // bytes
	value func(b []byte) float64 // the first element of b, little endian
}

// datatypes are those that inputs may have. All are computed as FP32.
func datatypes() map[string]datatype {
	le := binary.LittleEndian
	return map[string]datatype{
		"FP32":   {4, func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) }},
		"FP64":   {8, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }},
		"UINT8":  {1, func(b []byte) float64 { return float64(b[0]) }},
		"UINT16": {2, func(b []byte) float64 { return float64(le.Uint16(b)) }},
		"UINT32": {4, func(b []byte) float64 { return float64(le.Uint32(b)) }},
	}
}

// dimensions checks a shape (samples, C, N, N) and returns the number of samples and of values.
func dimensions(shape []int64, sample []int, most int) (samples int, values int64, err error) {
	size, fits := int64(1), len(shape) == 1+len(sample)
	for i, d := range sample {
		fits = fits && shape[i+1] == int64(d)
		size *= int64(d)
	}
	switch {
	case !fits:
		return 0, 0, refuse(http.StatusBadRequest, "shape %v, expected [samples, %d, %d, %d]", shape, sample[0],
			sample[1], sample[2])
	case shape[0] < 1:
		return 0, 0, refuse(http.StatusBadRequest, "shape %v, expected 1 sample or more", shape)
	case shape[0] > int64(most):
		return 0, 0, refuse(http.StatusRequestEntityTooLarge,
			"%d samples in one request, where %d may wait; send them in parts", shape[0], most)
	}
	return int(shape[0]), shape[0] * size, nil
}

// limits are the values that an input may have.
type limits struct {
	least, most float64
	expected    string // for the error
}

// amplitudes are the values that a detector measures.
func amplitudes() limits { return limits{0, math.MaxFloat32, "finite amplitudes, 0 or more"} }

// set sets an element, or refuses a value outside the limits.
func (l limits) set(out []float32, i int, v float64) error {
	if !(v >= l.least && v <= l.most) {
		return refuse(http.StatusBadRequest, "the value %v at element %d, expected %s", v, i, l.expected)
	}
	out[i] = float32(v)
	return nil
}

// fromBytes converts raw elements.
func fromBytes(raw []byte, t datatype, l limits, held *reservation) ([]float32, error) {
	if err := held.add(4 * int64(len(raw)/t.size)); err != nil {
		return nil, err
	}
	out := make([]float32, len(raw)/t.size)
	for i := range out {
		if err := l.set(out, i, t.value(raw[i*t.size:])); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fromJSON reads valid JSON, an array of numbers that is flat or nested as its shape says.
func fromJSON(raw json.RawMessage, shape []int64, values int64, l limits, held *reservation) ([]float32, error) {
	if int64(len(raw)) < 2*values+1 { // a digit and a comma or bracket each, and a bracket: "[1,2]"
		return nil, refuse(http.StatusBadRequest, "data of %d bytes, too few for %d values", len(raw), values)
	}
	if err := held.add(4 * values); err != nil {
		return nil, err
	}
	r := numberReader{raw: raw, shape: shape, limits: l, out: make([]float32, values)}
	if err := r.read(); err != nil {
		return nil, err
	}
	return r.out, nil
}

// numberReader reads an array of numbers without the memory that a general JSON decoder needs for each.
type numberReader struct {
	raw    []byte
	shape  []int64
	limits limits
	nested bool
	counts []int64 // members of each open bracket
	out    []float32
	n      int // values read
}

func (r *numberReader) read() (err error) {
	for i := 0; i < len(r.raw) && err == nil; {
		end := i + 1
		switch c := r.raw[i]; c {
		case ' ', '\t', '\n', '\r', ',':
		case '[':
			err = r.openList()
		case ']':
			err = r.closeList()
		default:
			for end < len(r.raw) && isNumber(r.raw[end]) {
				end++
			}
			err = r.number(string(r.raw[i:end]))
		}
		i = end
	}
	if err == nil && r.n != len(r.out) {
		err = refuse(http.StatusBadRequest, "%d values in data, where shape %v has %d", r.n, r.shape, len(r.out))
	}
	return err
}

func isNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E'
}

// openList begins a list. A second bracket before any value means that lists are nested.
func (r *numberReader) openList() error {
	if len(r.counts) > 0 && r.n == 0 {
		r.nested = true
	}
	if len(r.counts) == len(r.shape) || len(r.counts) > 0 && !r.nested {
		return refuse(http.StatusBadRequest, "data nested otherwise than shape %v", r.shape)
	}
	r.counts = append(r.counts, 0)
	return nil
}

func (r *numberReader) closeList() error {
	last := len(r.counts) - 1
	if r.nested && r.counts[last] != r.shape[last] {
		return refuse(http.StatusBadRequest, "a list of %d members in data, where shape %v has %d",
			r.counts[last], r.shape, r.shape[last])
	}
	r.counts = r.counts[:last]
	if last > 0 {
		r.counts[last-1]++
	}
	return nil
}

func (r *numberReader) number(text string) error {
	if len(r.counts) == 0 || r.nested && len(r.counts) != len(r.shape) {
		return refuse(http.StatusBadRequest, "%.20q in data, expected lists nested as shape %v, or one flat list", text,
			r.shape)
	}
	if r.n == len(r.out) {
		return refuse(http.StatusBadRequest, "more values in data than the %d of shape %v", len(r.out), r.shape)
	}
	v, err := strconv.ParseFloat(text, 32)
	if err != nil {
		return refuse(http.StatusBadRequest, "%.20q in data, expected a number", text)
	}
	if err := r.limits.set(r.out, r.n, v); err != nil {
		return err
	}
	r.counts[len(r.counts)-1]++
	r.n++
	return nil
}

// appendJSON writes values as a flat JSON list, each as the shortest number that reads back the same.
func appendJSON(b []byte, values []float32) ([]byte, error) {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, refuse(http.StatusUnprocessableEntity,
				"the network returns %v at element %d, which JSON cannot represent; request binary data", v, i)
		}
		b = strconv.AppendFloat(b, float64(v), 'g', -1, 32)
	}
	return append(b, ']'), nil
}

// protocolShape is a shape (samples, C, N, N) in the protocol's type.
func protocolShape(samples int, sample []int) []int64 {
	shape := []int64{int64(samples)}
	for _, d := range sample {
		shape = append(shape, int64(d))
	}
	return shape
}

package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/semaphore"

	"ptyx/internal/graph/onnxir"
	"ptyx/internal/recon/predict"
)

// unrolledOptions serve a fake that takes offsets and a probe.
func unrolledOptions(f *fake) Options {
	o := options(f)
	m := &o.Models[0]
	m.Contract.Network = "unrolled"
	m.File.Graph.Outputs = []onnxir.ValueInfo{{Name: "object_re"}, {Name: "object_im"}}
	for _, name := range []string{"probe_re", "probe_im", "offset"} {
		m.File.Graph.Inputs = append(m.File.Graph.Inputs, onnxir.ValueInfo{Name: name})
		m.File.Graph.Initializers = append(m.File.Graph.Initializers, &onnxir.Tensor{Name: name})
	}
	return o
}

// tensor is an input of a request.
type tensor struct {
	name   string
	shape  []int
	values []float32
}

type tensors []tensor

// ownRequest are ramp(samples) with some offsets and probes; of what has a count of 0 there is none.
func ownRequest(samples, offsets, re, im int) tensors {
	list := tensors{{"amplitude_measured", []int{samples, 1, size, size}, ramp(samples)}}
	for name, count := range map[string]int{"probe_re": re, "probe_im": im} {
		values := make([]float32, count*area)
		for i := range values {
			values[i] = float32(i%7) - float32(len(name)*i%5) + 0.5
		}
		list = append(list, tensor{name, []int{count, 1, size, size}, values})
	}
	values := make([]float32, 2*offsets)
	for i := range values {
		values[i] = 0.5 - float32(i)/32
	}
	list = append(list, tensor{"offset", []int{offsets, 2}, values})
	return slices.DeleteFunc(list, func(t tensor) bool { return t.shape[0] == 0 })
}

func (list tensors) json(t testing.TB) []byte {
	t.Helper()
	inputs := []any{}
	for _, in := range list {
		inputs = append(inputs, map[string]any{
			"name": in.name, "shape": in.shape, "datatype": "FP32", "data": in.values,
		})
	}
	body, err := json.Marshal(map[string]any{"id": "7", "inputs": inputs})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// binary is the request with its data behind the JSON.
func (list tensors) binary(t testing.TB) (body []byte, length string) {
	t.Helper()
	var inputs []any
	var data []byte
	for _, in := range list {
		bytes := raw("FP32", in.values)
		data = append(data, bytes...)
		inputs = append(inputs, map[string]any{"name": in.name, "shape": in.shape, "datatype": "FP32",
			"parameters": map[string]any{"binary_data_size": len(bytes)}})
	}
	header, err := json.Marshal(map[string]any{"id": "7", "inputs": inputs})
	if err != nil {
		t.Fatal(err)
	}
	return append(header, data...), strconv.Itoa(len(header))
}

// of are the values of an input for an element i of the patterns.
func (list tensors) of(name string, i int) float32 {
	for _, in := range list {
		switch {
		case in.name == name && name == "offset":
			return 0
		case in.name == name:
			return in.values[i%len(in.values)]
		}
	}
	return 0
}

// offset is the offset of a sample.
func (list tensors) offset(sample int) (x, y float32) {
	for _, in := range list {
		if in.name == "offset" {
			at := 2 * sample % len(in.values)
			return in.values[at], in.values[at+1]
		}
	}
	return 0, 0
}

// TestOptionalInputs: offsets and a probe, of one or of all samples, in JSON and in bytes, reach the network, in this
// process and at a worker.
func TestOptionalInputs(t *testing.T) {
	everywhere(t, func(t *testing.T, started starter) {
		s := started(t, unrolledOptions(&fake{channels: 1}))
		for _, c := range [][4]int{{1, 0, 0, 0}, {1, 1, 0, 0}, {5, 1, 0, 0}, {5, 5, 0, 0}, {1, 1, 1, 1}, {5, 0, 1, 1},
			{5, 1, 5, 5}, {9, 9, 9, 9}} {
			list := ownRequest(c[0], c[1], c[2], c[3])
			body, length := list.binary(t)
			for form, w := range map[string]struct {
				body    []byte
				headers []string
			}{"JSON": {list.json(t), nil}, "binary": {body, []string{headerLength, length}}} {
				answered := ask(s, "POST", inferPath, w.body, w.headers...)
				if answered.Code != 200 {
					t.Fatalf("%v in %s: %d %s", c, form, answered.Code, answered.Body)
				}
				got := answer(t, answered.Header(), answered.Body.Bytes(), c[0])
				for i, d := range ramp(c[0]) {
					x, y := list.offset(i / area)
					re, im := d/2+x+list.of("probe_re", i), d-1+y+list.of("probe_im", i)
					if got["object_re"][i] != re || got["object_im"][i] != im {
						t.Fatalf("%v in %s: element %d is (%v, %v), want (%v, %v)", c, form, i, got["object_re"][i],
							got["object_im"][i], re, im)
					}
				}
			}
		}
		body, length := binaryRequest("FP32", 2, `,"outputs":[{"name":"object_im"}]`, ramp(2))
		w := ask(s, "POST", inferPath, body, headerLength, length)
		if got := answer(t, w.Header(), w.Body.Bytes(), 2); len(got) != 1 || got["object_im"] == nil {
			t.Errorf("one output: %d of them", len(got))
		}
	})
}

// TestMetadataOfOptionalInputs: they are listed apart from the inputs that a request must have.
func TestMetadataOfOptionalInputs(t *testing.T) {
	s := started(t, unrolledOptions(&fake{channels: 1}))
	image := func(name string) string { return fmt.Sprintf(`{"name":%q,"datatype":"FP32","shape":[-1,1,8,8]}`, name) }
	want := fmt.Sprintf(`{"name":"net","versions":["1"],"platform":"onnxruntime_onnx","inputs":[%s],"outputs":[%s,%s],`+
		`"optional_inputs":[%s,%s,{"name":"offset","datatype":"FP32","shape":[-1,2]}]}`,
		image("amplitude_measured"), image("object_re"), image("object_im"), image("probe_re"), image("probe_im"))
	if w := ask(s, "GET", "/v2/models/net", nil); w.Body.String() != want {
		t.Errorf("%s, want %s", w.Body, want)
	}
}

// TestInvalidOptionalInputs: an invalid input gets a status and a sentence, and nothing is computed.
func TestInvalidOptionalInputs(t *testing.T) {
	f := &fake{channels: 1}
	s := started(t, unrolledOptions(f))
	change := func(name string, do func(*tensor)) tensors {
		list := ownRequest(3, 3, 3, 3)
		for i := range list {
			if list[i].name == name {
				do(&list[i])
			}
		}
		return list
	}
	value := func(name string, v float32) tensors { return change(name, func(t *tensor) { t.values[3] = v }) }
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		list tensors
		says string
	}{
		"offsets of two of three":   {ownRequest(3, 2, 0, 0), "offset: shape [2 2], expected [1 2] or [3 2]"},
		"positions for offsets":     {value("offset", 33.25), "offset: the value 33.25 at element 3"},
		"an offset that is NaN":     {value("offset", nan), "offset: the value NaN"},
		"offsets of three numbers":  {change("offset", func(t *tensor) { t.shape = []int{2, 3} }), "shape [2 3]"},
		"offsets of another rank":   {change("offset", func(t *tensor) { t.shape = []int{6} }), "shape [6]"},
		"a huge shape":              {change("offset", func(t *tensor) { t.shape = []int{1 << 60, 16} }), "shape"},
		"probes of two of three":    {ownRequest(3, 0, 2, 2), "expected [1 1 8 8] or [3 1 8 8]"},
		"the real part alone":       {ownRequest(3, 0, 1, 0), "probe_re has 64 values and probe_im 0"},
		"the imaginary part alone":  {ownRequest(3, 0, 0, 1), "probe_re has 0 values and probe_im 64"},
		"one real, three imaginary": {ownRequest(3, 0, 1, 3), "probe_re has 64 values and probe_im 192"},
		"a probe that is infinite":  {value("probe_im", inf), "probe_im: the value +Inf"},
		"a probe beyond float32":    {value("probe_im", 1e30), "photons"},
		"an offset twice": {append(ownRequest(1, 1, 0, 0), ownRequest(1, 1, 0, 0)[1]),
			"one each of probe_re"},
		"no patterns": {ownRequest(1, 1, 0, 0)[1:], "expected one: amplitude_measured"},
		"an input of another network": {append(ownRequest(1, 0, 0, 0), tensor{"x", []int{1}, []float32{1}}),
			"optionally"},
	} {
		body, length := c.list.binary(t)
		w := ask(s, "POST", inferPath, body, headerLength, length)
		if text := complaint(t, w); w.Code != 400 || !strings.Contains(text, c.says) || len(text) > 400 {
			t.Errorf("%s: %d %q, want %q", name, w.Code, text, c.says)
		}
	}
	dark := ownRequest(1, 0, 1, 1)
	for i := range dark {
		if dark[i].name != "amplitude_measured" {
			clear(dark[i].values)
		}
	}
	if w := ask(s, "POST", inferPath, dark.json(t)); w.Code != 400 || !strings.Contains(complaint(t, w), "0 photons") {
		t.Errorf("a dark probe: %d %s", w.Code, w.Body)
	}
	if ran := f.sizes(); len(ran) > 0 {
		t.Errorf("the network ran %v", ran)
	}
	old := started(t, options(&fake{channels: 1}))
	w := ask(old, "POST", inferPath, ownRequest(1, 1, 0, 0).json(t))
	if w.Code != 400 || !strings.Contains(complaint(t, w), "expected one: amplitude_measured") {
		t.Errorf("an offset for a network without: %d %s", w.Code, w.Body)
	}
}

// TestMemoryOfOptionalInputs: arrays of optional inputs count like patterns, and a shape that is too large for the
// memory is refused before the array is made.
func TestMemoryOfOptionalInputs(t *testing.T) {
	s := started(t, unrolledOptions(&fake{channels: 1}))
	bytesOf := func(list tensors, memory int64) (int64, error) {
		body, length := list.binary(t)
		held := &reservation{memory: semaphore.NewWeighted(memory)}
		_, err := s.models["net"].parse(body, length, held)
		n, _ := strconv.Atoi(length)
		return held.bytes - int64(n), err
	}
	patterns, err := bytesOf(ownRequest(3, 0, 0, 0), 1<<20)
	all, err2 := bytesOf(ownRequest(3, 1, 3, 3), 1<<20)
	if err = errors.Join(err, err2); err != nil || patterns != 4*3*area || all != 3*patterns+4*2+4*2*3 {
		t.Errorf("%d bytes for patterns, %d with the optional inputs (%v)", patterns, all, err)
	}
	if _, err := bytesOf(ownRequest(3, 1, 3, 3), all); !errors.Is(err, errMemory) { // no room for the header
		t.Errorf("more than the memory: %v", err)
	}
}

// TestProbesShareNoBatch: a request with its own probe is a batch of its own, between requests that share theirs. With
// a probe for each sample its batches are smaller.
func TestProbesShareNoBatch(t *testing.T) {
	f, begun, proceed := gated()
	s := started(t, unrolledOptions(f))
	q := s.models["net"].queue
	jobs := []chan error{submitted(t.Context(), q, 1)}
	if n := <-begun; n != 1 {
		t.Fatalf("a batch of %d", n)
	}
	with := func(samples, probes int) chan error {
		done := make(chan error, 1)
		probe := slices.Repeat([]float32{2}, probes*area)
		go func() {
			out, err := q.submit(context.Background(), predict.Request{Patterns: ramp(samples),
				Probe: predict.Probe{Re: probe, Im: probe}}, false)
			for i, d := range ramp(samples) {
				if err == nil && (out.outputs[0][i] != d/2+2 || out.outputs[1][i] != d+1) {
					err = fmt.Errorf("element %d: %v, %v", i, out.outputs[0][i], out.outputs[1][i])
				}
			}
			done <- err
		}()
		return done
	}
	waiting := 0
	for _, start := range []func() (chan error, int){
		func() (chan error, int) { return submitted(t.Context(), q, 1), 1 },
		func() (chan error, int) { return with(2, 1), 2 },
		func() (chan error, int) { return with(5, 5), 5 },
		func() (chan error, int) { return submitted(t.Context(), q, 2), 2 },
		func() (chan error, int) { return submitted(t.Context(), q, 1), 1 },
	} {
		job, samples := start()
		jobs, waiting = append(jobs, job), waiting+samples
		awaitWaiting(t, q, waiting)
	}
	for _, want := range []int{1, 2, 2, 2, 1, 3} {
		proceed <- nil
		if got := <-begun; got != want {
			t.Errorf("a batch of %d samples, want %d", got, want)
		}
	}
	proceed <- nil
	for i, job := range jobs {
		if err := <-job; err != nil {
			t.Errorf("job %d: %v", i, err)
		}
	}
}

// TestModelsOfOtherPorts: a model whose graph names other inputs or outputs than its contract is refused.
func TestModelsOfOtherPorts(t *testing.T) {
	for name, spoil := range map[string]func(g *onnxir.Graph){
		"outputs of the other kind": func(g *onnxir.Graph) { g.Outputs[0].Name = "amplitude" },
		"outputs exchanged":         func(g *onnxir.Graph) { slices.Reverse(g.Outputs) },
		"no default":                func(g *onnxir.Graph) { g.Initializers = nil },
		"no patterns":               func(g *onnxir.Graph) { g.Inputs = g.Inputs[1:] },
	} {
		o := unrolledOptions(&fake{channels: 1})
		spoil(o.Models[0].File.Graph)
		s, err := New(o)
		if err == nil {
			t.Errorf("%s: not refused", name)
			_ = s.Close()
			continue
		}
		if text := err.Error(); !strings.Contains(text, "graph") || strings.Contains(text, "\n") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

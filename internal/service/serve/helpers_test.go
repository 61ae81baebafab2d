package serve

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/recon/predict"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, testutil.IgnoreBrokers()...) }

// size is of the patterns of tests.
const size = 8

// fake is a network whose patch depends on its pattern d, the offset (x, y) and the probe p alone: amplitude d/2 + x +
// Re p, phase d - 1 + y + Im p. Its own probe is 0.
type fake struct {
	channels int
	provider string
	run      func(samples int) error // nil: never fails

	mu    sync.Mutex
	ran   []int // sizes of the batches
	alive int   // batches prepared and not closed
}

func (f *fake) Provider() string { return cmp.Or(f.provider, "fake") }
func (f *fake) Fallback() string { return "no kernel" }
func (f *fake) Close() error     { return nil }

func (f *fake) Prepare(b int) (predict.Batch, error) { return f.PrepareProbes(b, 0) }

func (f *fake) PrepareProbes(b, probes int) (predict.ProbeBatch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alive++
	array := func(count int) *ndarray.Float32 { return ndarray.New[float32](count, f.channels, size, size) }
	batch := &fakeBatch{
		fake: f, offsets: ndarray.New[float32](b, 2), patterns: array(b), amplitude: array(b), phase: array(b),
	}
	if probes > 0 {
		batch.re, batch.im = array(probes), array(probes)
	}
	return batch, nil
}

// sizes are the batches that have run.
func (f *fake) sizes() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]int(nil), f.ran...)
}

type fakeBatch struct {
	fake                                        *fake
	offsets, re, im, patterns, amplitude, phase *ndarray.Float32
}

func (b *fakeBatch) Patterns() *ndarray.Float32 { return b.patterns }
func (b *fakeBatch) Offsets() *ndarray.Float32  { return b.offsets }
func (b *fakeBatch) Probes() (re, im *ndarray.Float32) {
	return b.re, b.im
}

func (b *fakeBatch) Run() (amplitude, phase *ndarray.Float32, err error) {
	f := b.fake
	f.mu.Lock()
	f.ran = append(f.ran, b.patterns.Shape[0])
	f.mu.Unlock()
	if f.run != nil {
		if err := f.run(b.patterns.Shape[0]); err != nil {
			return nil, nil, err
		}
	}
	sample := f.channels * size * size
	for i, d := range b.patterns.Data {
		offset := b.offsets.Data[2*(i/sample):]
		b.amplitude.Data[i], b.phase.Data[i] = d/2+offset[0], d-1+offset[1]
		if b.re != nil {
			b.amplitude.Data[i] += b.re.Data[i%len(b.re.Data)]
			b.phase.Data[i] += b.im.Data[i%len(b.im.Data)]
		}
	}
	return b.amplitude, b.phase, nil
}

func (b *fakeBatch) Close() error {
	b.fake.mu.Lock()
	defer b.fake.mu.Unlock()
	b.fake.alive--
	return nil
}

// model is the fake under a name.
func (f *fake) model(name string) Model {
	probe := ndarray.New[complex64](size, size)
	for i := range probe.Data {
		r, c := float64(i/size-size/2)/2, float64(i%size-size/2)/2
		probe.Data[i] = complex(float32(math.Exp(-r*r-c*c)), 0)
	}
	value := func(name string) onnxir.ValueInfo { return onnxir.ValueInfo{Name: name} }
	return Model{
		Name: name, Digest: "digest of " + name, Predictor: f,
		Contract: contract.Contract{N: size, Channels: f.channels, Gridsize: 1, ObjectExtent: "full", Probe: probe},
		File: &onnxir.Model{Graph: &onnxir.Graph{
			Inputs:  []onnxir.ValueInfo{value("amplitude_measured")},
			Outputs: []onnxir.ValueInfo{value("amplitude"), value("phase")},
		}},
	}
}

// options serve a fake called "net" in batches of 4, without waiting.
func options(f *fake) Options {
	return Options{
		Models: []Model{f.model("net")}, BatchSize: 4, Queue: 16, Timeout: 10 * time.Second, MaxBody: 1 << 20,
		Grace: 10 * time.Second, Log: slog.New(slog.DiscardHandler),
	}
}

// started is a server until the test ends.
func started(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, m := range o.Models {
			if o.Network != nil {
				break // a worker's, which may still be at work
			}
			if f := m.Predictor.(*fake); f.alive != 0 {
				t.Errorf("%s: %d batches were not closed", m.Name, f.alive)
			}
		}
	})
	return s
}

// ask sends a request straight to the handler.
func ask(s *Server, method, path string, body []byte, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// complaint is the sentence of an answer that is an error as the protocol writes it.
func complaint(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || len(body) != 1 || body["error"] == "" {
		t.Fatalf("status %d, body %q, expected an error of the protocol", w.Code, w.Body)
	}
	return body["error"]
}

// ramp are patterns of so many samples, no two values the same.
func ramp(samples int) []float32 {
	out := make([]float32, samples*size*size)
	for i := range out {
		out[i] = float32(i) / 16
	}
	return out
}

// jsonRequest asks for inference of ramp(samples) in JSON.
func jsonRequest(t testing.TB, samples int, parameters map[string]any) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"id": "7", "parameters": parameters,
		"inputs": []any{map[string]any{"name": "amplitude_measured", "shape": []int{samples, 1, size, size},
			"datatype": "FP32", "data": ramp(samples)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func bodyOf(t testing.TB, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// eventually waits for what other goroutines bring about.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within ten seconds", what)
		}
	}
}

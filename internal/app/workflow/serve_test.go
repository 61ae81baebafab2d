package workflow

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/testutil"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
	"ptyx/internal/service/cluster"
	"ptyx/internal/service/serve"
	"ptyx/models"
	ort "ptyx/runtime"
)

func TestNamesOfModels(t *testing.T) {
	dir := t.TempDir()
	odd := filepath.Join(dir, "a=b.onnx")
	if err := os.WriteFile(odd, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for argument, want := range map[string][2]string{
		"model.onnx":             {"model", "model.onnx"},
		"runs/star":              {"star", "runs/star"},
		"runs/star/":             {"star", "runs/star/"},
		"star=runs/1/model.onnx": {"star", "runs/1/model.onnx"},
		"star=a=b.onnx":          {"star", "a=b.onnx"},
		"runs/a=b/model.onnx":    {"model", "runs/a=b/model.onnx"}, // "runs/a" is no name
		odd:                      {"a=b", odd},                     // there is such a file
	} {
		if name, path := modelName(argument); name != want[0] || path != want[1] {
			t.Errorf("%s: %q, %q; want %q", argument, name, path, want)
		}
	}
}

func TestTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	for content, want := range map[string]string{
		"secret\n": "secret", "  s3cr3t==": "s3cr3t==", "": "", "\n": "", "two words": "",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Token("--token-file", file, "of the environment")
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", content, got, err)
		}
		if err != nil && content != "" && strings.Contains(err.Error(), strings.TrimSpace(content)) &&
			strings.TrimSpace(content) != "" {
			t.Errorf("the complaint shows what the file holds: %v", err)
		}
	}
	if _, err := Token("--token-file", file+"x", ""); err == nil {
		t.Error("no file: taken")
	}
	if got, err := Token("--token-file", "", " of-the-environment\n"); got != "of-the-environment" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestServeRefuses: a fault is reported before the server listens, and everything that was opened is closed.
func TestServeRefuses(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.onnx")
	if err := os.WriteFile(broken, []byte("not a model"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]ServeOptions{
		"no model":   {},
		"no file":    {Models: []string{broken + "x"}},
		"no network": {Models: []string{broken}},
		"threads":    {Models: []string{broken}, Engine: engine.Options{Threads: -1}},
	} {
		o.Ready = func(s ServerInfo) error { t.Errorf("%s: serves %s", name, s); return nil }
		o.Server = serve.Options{BatchSize: 1, Queue: 1, Timeout: 1, MaxBody: 1}
		err := Serve(context.Background(), o, silent())
		if bad := (*badinput.Error)(nil); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWorkersThatCannotBeReached: a complaint names the flags of a server, which has others of the same names.
func TestWorkersThatCannotBeReached(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.pem")
	for want, address := range map[string]cluster.Address{
		"--workers":        {URL: "nats://127.0.0.1:1"},
		"--workers-tls-ca": {URL: "tls://127.0.0.1:1", CA: none},
		"--workers-creds":  {URL: "nats://127.0.0.1:1", Creds: none},
	} {
		l := &loading{options: ServeOptions{Workers: address, InFlight: 1}, log: silent()}
		err := l.load(t.Context())
		if bad := (*badinput.Error)(nil); !errors.As(err, &bad) || bad.Key != want ||
			strings.Contains(err.Error(), "--nats") {
			t.Errorf("%s: %v", want, err)
		}
		if err := l.release(); err != nil {
			t.Error(err)
		}
	}
}

// TestAddressesOfWorkers: complaints name the flag that was given, and what is meant for a broker is refused where
// there is none.
func TestAddressesOfWorkers(t *testing.T) {
	const url, none = "nats://127.0.0.1:1", "no such file"
	for name, c := range map[string]struct {
		url, file, ca, creds string
		refused              string // key of the complaint; empty: taken
	}{
		"no workers":            {},
		"workers":               {url: url},
		"CA and creds":          {url: url, ca: none, creds: none}, // they are read later
		"no such token":         {url: url, file: none, refused: "--workers-token-file"},
		"token without workers": {file: none, refused: "--workers-token-file"},
		"CA without workers":    {ca: none, refused: "--workers-tls-ca"},
		"creds without workers": {creds: none, refused: "--workers-creds"},
	} {
		got, err := WorkersAddress(c.url, c.file, "of the environment", c.ca, c.creds)
		bad := (*badinput.Error)(nil)
		if c.refused != "" && (!errors.As(err, &bad) || bad.Key != c.refused || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v", name, err)
		}
		if want := (cluster.Address{URL: c.url, CA: c.ca, Creds: c.creds}); c.refused == "" {
			if c.url != "" {
				want.Token = "of the environment"
			}
			if err != nil || got != want {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	}
}

// TestTheSameBytesInAnyBatch: what a pattern gives does not depend on what else is in its batch, nor on the batch's
// size. The reference is each pattern alone.
func TestTheSameBytesInAnyBatch(t *testing.T) {
	for _, network := range []models.Kind{models.Unrolled, models.Pattern} {
		o := options(t, engine.KindORT)
		o.Config.Network, o.Config.MaxEpochs, o.Config.Extent = network, 1, models.Full
		if _, err := Train(t.Context(), o, io.Discard, silent()); err != nil {
			t.Fatal(err)
		}
		for _, threads := range []int{1, 2} {
			served := ServeOptions{
				Models: []string{"net=" + o.OutputDir},
				Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: threads},
			}
			l := &loading{options: served, log: silent()}
			if err := l.load(t.Context()); err != nil {
				t.Fatal(err)
			}
			const count, image = 7, 64 * 64
			patterns, offsets := testutil.Uniform(5, 0, 20, count, image).Data, []float32(nil)
			if network == models.Unrolled {
				offsets = testutil.Uniform(6, -0.5, 0.5, count, 2).Data
			}
			infer := func(batch, request int) (out []byte) { // of all patterns, in requests of some
				s, err := serve.New(serve.Options{
					Models: l.models, BatchSize: batch, Queue: 64, Timeout: time.Minute, MaxBody: 1 << 20,
					Log: silent(),
				})
				if err != nil {
					t.Fatal(err)
				}
				all := predict.Request{Patterns: patterns, Offsets: offsets}
				for _, name := range l.models[0].Contract.Outputs() {
					for from := 0; from < count; from += request {
						part := all.Part(from, min(from+request, count), image)
						out = append(out, inferred(t, s, name, part)...)
					}
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				return out
			}
			alone := infer(1, 1)
			for _, c := range []struct{ batch, request int }{{16, 7}, {3, 7}, {16, 2}, {2, 5}} {
				if !bytes.Equal(infer(c.batch, c.request), alone) {
					t.Errorf(
						"%v, %d threads: requests of %d in batches of %d give other bytes", network, threads,
						c.request, c.batch,
					)
				}
			}
			if err := l.release(); err != nil {
				t.Error(err)
			}
		}
	}
}

// inferred asks for one output of patterns, raw.
func inferred(t *testing.T, s *serve.Server, output string, r predict.Request) []byte {
	t.Helper()
	samples, offset, body := len(r.Patterns)/64/64, "", []byte(nil)
	if r.Offsets != nil {
		offset = fmt.Sprintf(`{"name":"offset","datatype":"FP32","shape":[%d,2],"parameters":{"binary_data_size":%d}},`,
			samples, 8*samples)
	}
	header := fmt.Sprintf(`{"inputs":[%s{"name":"amplitude_measured","datatype":"FP32","shape":[%d,1,64,64],
		"parameters":{"binary_data_size":%d}}],
		"outputs":[{"name":%q,"parameters":{"binary_data":true}}]}`, offset, samples, 4*len(r.Patterns), output)
	body = append(body, header...)
	for _, v := range slices.Concat(r.Offsets, r.Patterns) {
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(v))
	}
	request := httptest.NewRequest("POST", "/v2/models/net/infer", bytes.NewReader(body))
	request.Header.Set("Inference-Header-Content-Length", strconv.Itoa(len(header)))
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, request)
	n, err := strconv.Atoi(w.Header().Get("Inference-Header-Content-Length"))
	if w.Code != 200 || err != nil || w.Body.Len() != n+4*len(r.Patterns) {
		t.Fatalf("%d: %d bytes (%v) %.300s", w.Code, w.Body.Len(), err, w.Body)
	}
	return w.Body.Bytes()[n:]
}

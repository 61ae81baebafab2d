package live_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"ptyx/internal/service/live"
)

func listen(t *testing.T) *live.Server {
	t.Helper()
	s, err := live.Listen(t.Context(), live.Address("0", false), 3, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t *testing.T, url string) (int, string, http.Header) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body), r.Header
}

func TestPages(t *testing.T) {
	s := listen(t)
	if s.Wanted() {
		t.Error("wanted before anybody looked")
	}
	if status, _, _ := get(t, s.URL+"page"); status != http.StatusNotFound {
		t.Errorf("a page before the first epoch: %d", status)
	}
	if !s.Wanted() {
		t.Error("not wanted after a look")
	}
	s.Publish([]byte("<p>first</p>"))
	s.Publish([]byte("<p>second</p>"))
	status, body, header := get(t, s.URL+"page")
	if status != http.StatusOK || body != "<p>second</p>" ||
		!strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("page: %d %q %v", status, body, header)
	}
	for path, want := range map[string]string{"": "shell.js", "shell.js": "EventSource"} {
		if status, body, _ := get(t, s.URL+path); status != http.StatusOK || !strings.Contains(body, want) ||
			strings.Contains(body, "://") {
			t.Errorf("/%s: %d, want %q and no other machine in %q", path, status, want, body)
		}
	}
	for _, path := range []string{"nothing", "../go.mod", "page/x"} {
		if status, _, _ := get(t, s.URL+path); status != http.StatusNotFound {
			t.Errorf("/%s: %d, want 404", path, status)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(s.URL); err == nil {
		t.Error("it answers after Close")
	}
}

// A browser hears what changed, and in the end that it is done, whatever the loss is.
func TestEvents(t *testing.T) {
	s := listen(t)
	r, err := http.Get(s.URL + "events")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	next := func() (p live.Progress) {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &p); err != nil {
					t.Fatal(err)
				}
				return p
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return p
	}
	if p := next(); p != (live.Progress{Epochs: 3}) {
		t.Errorf("at first: %+v", p)
	}
	s.Update(live.Progress{Epoch: 1, Batch: 2, Batches: 5, Loss: 0.25})
	if p := next(); p != (live.Progress{Epoch: 1, Epochs: 3, Batch: 2, Batches: 5, Loss: 0.25}) {
		t.Errorf("after a batch: %+v", p)
	}
	s.Publish([]byte("page"))
	if p := next(); p.Page != 1 || p.Batch != 2 {
		t.Errorf("after a page: %+v", p)
	}
	s.Update(live.Progress{Epoch: 2, Loss: math.NaN()})
	if p := next(); p.Epoch != 2 || p.Loss != 0 || p.Page != 1 {
		t.Errorf("without a loss: %+v", p)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	if p := next(); !p.Done {
		t.Errorf("at the end: %+v", p)
	}
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Close does not return")
	}
}

func TestPlace(t *testing.T) {
	for value, want := range map[string]string{
		":8080": "127.0.0.1:8080", "8080": "127.0.0.1:8080", "[::1]:80": "[::1]:80", "localhost:0": "localhost:0",
	} {
		if got, err := live.Check(live.Address(value, false)); err != nil || got.String() != want {
			t.Errorf("%q is %q, %v, want %q", value, got, err, want)
		}
	}
	for _, value := range []string{":", "a:b:c", "host:"} {
		if got, err := live.Check(live.Address(value, true)); err == nil || !strings.Contains(err.Error(), "--live") {
			t.Errorf("%q is %q, %v, want a complaint", value, got, err)
		}
	}
	// Other machines reach it only with --insecure, as they do every server.
	for _, value := range []string{"0.0.0.0:80", "[::]:80", "node:80"} {
		got, err := live.Check(live.Address(value, false))
		if err == nil || !strings.HasPrefix(err.Error(), "--live: ") || !strings.Contains(err.Error(), "--insecure") {
			t.Errorf("%q is %q, %v, want a complaint", value, got, err)
		}
		if got, err := live.Check(live.Address(value, true)); err != nil || got.String() != value {
			t.Errorf("%q, insecure: %q, %v", value, got, err)
		}
	}
	s := listen(t)
	defer s.Close()
	taken := live.Address(strings.TrimSuffix(strings.TrimPrefix(s.URL, "http://"), "/"), false)
	if _, err := live.Listen(t.Context(), taken, 1, slog.New(slog.DiscardHandler)); err == nil ||
		!strings.Contains(err.Error(), "another port") {
		t.Errorf("a port that is taken: %v", err)
	}
}

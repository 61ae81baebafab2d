package serve

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/testutil"
	"ptyx/internal/service/listen"
)

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		a    listen.Address
		want string // empty: refused
	}{
		{listen.Address{Listen: "127.0.0.1:8080"}, "127.0.0.1:8080"},
		{listen.Address{Listen: ":8080"}, "127.0.0.1:8080"},
		{listen.Address{Listen: "[::1]:80"}, "[::1]:80"},
		{listen.Address{Listen: "localhost:80"}, "localhost:80"},
		{listen.Address{Listen: "0.0.0.0:80"}, ""},
		{listen.Address{Listen: "[::]:80"}, ""},
		{listen.Address{Listen: "node:80"}, ""},
		{listen.Address{Listen: "0.0.0.0:80", Insecure: true}, "0.0.0.0:80"},
		{listen.Address{Listen: "0.0.0.0:80", CertFile: "c", KeyFile: "k"}, "0.0.0.0:80"},
		{listen.Address{Listen: "8080"}, ""},
		{listen.Address{Listen: ""}, ""},
	} {
		got, err := CheckAddress(c.a)
		if (err != nil) != (c.want == "") || err == nil && got.String() != c.want {
			t.Errorf("%+v: %v, %v; want %q", c.a, got, err, c.want)
		}
	}
}

// running is a server at an address of this machine. stop is the signal; what Run returned comes out of ended.
func running(t *testing.T, s *Server, a listen.Address) (url string, stop func(), ended chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	a.Listen = "127.0.0.1:0"
	l, url, err := Listen(ctx, a)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended = make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	return url, cancel, ended
}

// client keeps its connections for the test alone.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func get(t *testing.T, c *http.Client, url string) int {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	bodyOf(t, r)
	return r.StatusCode
}

// TestShutdown: after the signal the server is not ready, refuses work and finishes what it has accepted.
func TestShutdown(t *testing.T) {
	t.Parallel()
	f, begun, proceed := gated()
	s := started(t, options(f))
	url, stop, ended := running(t, s, listen.Address{})
	c := client(t)
	accepted := make(chan int, 1)
	go func() {
		r, err := c.Post(url+inferPath, "application/json", bytes.NewReader(jsonRequest(t, 6, nil)))
		if err != nil {
			t.Error(err)
			accepted <- 0
			return
		}
		check(t, answer(t, r.Header, []byte(bodyOf(t, r)), 6), 6, "amplitude", "phase")
		accepted <- r.StatusCode
	}()
	<-begun
	if status := get(t, c, url+"/v2/health/ready"); status != 200 {
		t.Errorf("before: ready is %d", status)
	}
	stop()
	eventually(t, "it is not ready", func() bool { return get(t, c, url+"/v2/health/ready") == 503 })
	if status := get(t, c, url+"/v2/models/net/ready"); status != 503 {
		t.Errorf("the model's readiness is %d", status)
	}
	if status := get(t, c, url+"/v2/health/live"); status != 200 {
		t.Errorf("it lives: %d", status)
	}
	r, err := c.Post(url+inferPath, "application/json", bytes.NewReader(jsonRequest(t, 1, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if text := bodyOf(t, r); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("new work: %d %s", r.StatusCode, text)
	}
	proceed <- nil
	<-begun
	proceed <- nil
	if status := <-accepted; status != 200 {
		t.Errorf("what was accepted: %d", status)
	}
	if err := <-ended; err != nil {
		t.Errorf("the end: %v", err)
	}
	if r, err := c.Get(url + "/v2"); err == nil {
		t.Errorf("still there: %s", bodyOf(t, r))
	}
}

// TestGrace: a request that exceeds the grace is cut, and Run reports it.
func TestGrace(t *testing.T) {
	t.Parallel()
	f, begun, proceed := gated()
	o := options(f)
	o.Grace = 50 * time.Millisecond
	s := started(t, o)
	url, stop, ended := running(t, s, listen.Address{})
	c := client(t)
	cut := make(chan error, 1)
	go func() {
		r, err := c.Post(url+inferPath, "application/json", bytes.NewReader(jsonRequest(t, 1, nil)))
		if err == nil {
			r.Body.Close()
		}
		cut <- err
	}()
	<-begun
	stop()
	err := <-ended
	if bad := (*badinput.Error)(nil); !errors.As(err, &bad) || bad.Key != "--grace" || bad.Remedy == "" ||
		strings.Count(err.Error(), "in work") != 1 || strings.Contains(err.Error(), "\n") {
		t.Errorf("the end: %v", err)
	}
	if err := <-cut; err == nil {
		t.Error("the request was answered")
	}
	proceed <- nil
}

// TestToken: work and metadata require the token, health does not. The token is not in the log.
func TestToken(t *testing.T) {
	var log bytes.Buffer
	o := options(&fake{channels: 1})
	o.Token = "very-secret"
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := started(t, o)
	for _, c := range []struct {
		path, authorization string
		status              int
	}{
		{"/v2/health/live", "", 200},
		{"/v2/health/ready", "", 200},
		{"/v2", "", 401},
		{"/v2/models/net", "", 401},
		{"/v2/models/net/ready", "", 401},
		{"/v1/models", "", 401},
		{"/metrics", "", 401},
		{"/v2", "Bearer", 401},
		{"/v2", "Bearer ", 401},
		{"/v2", "Bearer very-secre", 401},
		{"/v2", "Bearer very-secrets", 401},
		{"/v2", "Basic very-secret", 401},
		{"/v2", "very-secret", 401},
		{"/v2", "Bearer very-secret", 200},
		{"/v2", "bearer very-secret", 200},
		{"/metrics", "Bearer very-secret", 200},
	} {
		w := ask(s, "GET", c.path, nil, "Authorization", c.authorization)
		if w.Code != c.status {
			t.Errorf("%s with %q: %d, want %d", c.path, c.authorization, w.Code, c.status)
		}
		if c.status == 401 && (!strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") ||
			strings.Contains(complaint(t, w), "secret")) {
			t.Errorf("%s: %v %s", c.path, w.Header(), w.Body)
		}
	}
	if w := ask(s, "POST", inferPath, jsonRequest(t, 1, nil)); w.Code != 401 {
		t.Errorf("work without it: %d", w.Code)
	}
	if w := ask(s, "POST", inferPath, jsonRequest(t, 1, nil), "Authorization", "Bearer very-secret"); w.Code != 200 {
		t.Errorf("work with it: %d %s", w.Code, w.Body)
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the log has it: %s", &log)
	}
}

func TestTLS(t *testing.T) {
	cert, key := testutil.Certificate(t)
	file, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(file)
	s := started(t, options(&fake{channels: 1}))
	url, stop, ended := running(t, s, listen.Address{CertFile: cert, KeyFile: key})
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
			ForceAttemptHTTP2: protocol == "HTTP/2.0"}
		c := &http.Client{Transport: transport}
		r, err := c.Post(url+inferPath, "application/json", bytes.NewReader(jsonRequest(t, 3, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if r.Proto != protocol || !strings.HasPrefix(url, "https:") {
			t.Errorf("%s at %s, want %s", r.Proto, url, protocol)
		}
		check(t, answer(t, r.Header, []byte(bodyOf(t, r)), 3), 3, "amplitude", "phase")
		transport.CloseIdleConnections()
	}
	old := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS11}}
	if r, err := (&http.Client{Transport: old}).Get(url + "/v2"); err == nil {
		t.Errorf("TLS 1.1 is taken: %s", bodyOf(t, r))
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, _, err := Listen(t.Context(), listen.Address{Listen: "127.0.0.1:0", CertFile: key,
		KeyFile: cert}); err == nil {
		t.Error("key and certificate exchanged: taken")
	}
}

// TestSlowClients: a client that sends its body too slowly gets an answer when the request times out. A refused request
// is not waited for.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	o := options(&fake{channels: 1})
	o.Timeout = 100 * time.Millisecond
	s := started(t, o)
	url, stop, ended := running(t, s, listen.Address{})
	for head, want := range map[string]string{
		"POST " + inferPath + " HTTP/1.1\r\nHost: localhost\r\n":                               "408 ",
		"POST " + inferPath + " HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n": "403 ",
		"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n":                                  "200 ",
		"POST /nowhere HTTP/1.1\r\nHost: localhost\r\n":                                        "404 ",
		"POST " + inferPath + " HTTP/1.1\r\nHost: evil.example\r\n":                            "403 ",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte(head + "Content-Length: 1000\r\n\r\n{")); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		told := make([]byte, 1024)
		n, err := c.Read(told)
		if err != nil || !strings.HasPrefix(string(told[:n]), "HTTP/1.1 "+want) {
			t.Errorf("%s%v: %s", head, err, told[:n])
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// deadlineRecorder records the last read deadline that a handler sets.
type deadlineRecorder struct {
	*httptest.ResponseRecorder
	mu       sync.Mutex
	deadline time.Time
	times    int
}

func (w *deadlineRecorder) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = t
	w.times++
	return nil
}

// TestReadDeadline: the deadline for reading a body is removed before the computation, which net/http would otherwise
// cancel.
func TestReadDeadline(t *testing.T) {
	f, begun, proceed := gated()
	s := started(t, options(f))
	w := &deadlineRecorder{ResponseRecorder: httptest.NewRecorder()}
	answered := make(chan bool)
	go func() {
		defer close(answered)
		body := bytes.NewReader(jsonRequest(t, 1, map[string]any{"timeout": 5_000_000}))
		s.Handler().ServeHTTP(w, httptest.NewRequest("POST", inferPath, body))
	}()
	<-begun
	w.mu.Lock()
	if w.times < 2 || !w.deadline.IsZero() {
		t.Errorf("while it computes: the read deadline was set %d times, last to %v", w.times, w.deadline)
	}
	w.mu.Unlock()
	proceed <- nil
	<-answered
	check(t, answer(t, w.Header(), w.Body.Bytes(), 1), 1, "amplitude", "phase")
}

package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ptyx/internal/service/listen"
)

// routes is everything that can be asked for. What is open needs no token; what is work is not begun while the server shuts down.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	open := func(pattern string, h http.HandlerFunc) { mux.HandleFunc(pattern, h) }
	guarded := func(pattern string, h http.HandlerFunc) { mux.HandleFunc(pattern, s.guard(h)) }
	work := func(pattern string, h http.HandlerFunc) { mux.HandleFunc(pattern, s.guard(s.admit(h))) }

	open("GET /v2/health/live", s.live)
	open("GET /v2/health/ready", s.ready)
	guarded("GET /v2", s.serverMetadata)
	for _, model := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		guarded("GET "+model, s.modelMetadata)
		guarded("GET "+model+"/ready", s.modelReady)
		work("POST "+model+"/infer", s.infer)
	}
	guarded("GET /v1/models", s.modelList)
	work("POST /v1/scans", s.createScan)
	guarded("GET /v1/scans", s.listScans)
	guarded("GET /v1/events", s.listEvents)
	const scan = "/v1/scans/{scan}"
	guarded("GET "+scan, s.withScan(s.scanStatus))
	guarded("DELETE "+scan, s.withScan(s.deleteScan))
	work("POST "+scan+"/frames", s.withScan(s.postFrames))
	work("POST "+scan+"/finish", s.withScan(s.finishScan))
	guarded("GET "+scan+"/object.npz", s.withScan(s.scanObject))
	guarded("GET "+scan+"/events", s.withScan(s.scanEvents))
	for _, name := range []string{"amplitude", "phase", "coverage", "spread"} {
		guarded("GET "+scan+"/"+name+".png", s.withScan(s.scanPicture(name)))
	}
	open("GET /{$}", asset("text/html; charset=utf-8", pageHTML))
	open("GET /page.js", asset("text/javascript; charset=utf-8", pageJS))
	open("GET /page.css", asset("text/css; charset=utf-8", pageCSS))
	guarded("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP)
	return s.harden(s.found(mux))
}

// harden is for every answer: what browsers must not do with it, and that a client who reads by drops is left one day. Requests that
// a page of another site makes a browser send are refused.
func (s *Server) harden(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		connection := http.NewResponseController(w) // not every writer of a test has one
		_ = connection.SetWriteDeadline(time.Now().Add(s.options.Timeout + writeTime))
		if r.ContentLength != 0 { // also of a body that nobody here reads: net/http does, before it sends an answer
			_ = connection.SetReadDeadline(time.Now().Add(s.options.Timeout))
		}
		if err := origins.Check(r); err != nil {
			s.fail(w, r, refuse(http.StatusForbidden, "a request of another site's page"))
			return
		}
		if s.options.Token == "" && listen.Rebound(r) { // who bears the token is no stranger's page
			s.fail(w, r, refuse(http.StatusForbidden, "a request to %.80q on this machine alone, expected localhost or 127.0.0.1; behind a proxy, let it say so, or use a token", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// writeTime is what a client has to read an answer.
const writeTime = time.Minute

// found answers in JSON where the mux knows no such address or method.
func (s *Server) found(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		told := &verdict{header: http.Header{}}
		h.ServeHTTP(told, r)
		if told.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", told.header.Get("Allow"))
			s.fail(w, r, refuse(told.status, "%.20q of %.80q, expected %s", r.Method, r.URL.Path, told.header.Get("Allow")))
			return
		}
		s.fail(w, r, refuse(http.StatusNotFound, "nothing at %.80q", r.URL.Path))
	})
}

// verdict takes the status of an answer, and drops the rest.
type verdict struct {
	header http.Header
	status int
}

func (v *verdict) Header() http.Header         { return v.header }
func (v *verdict) Write(b []byte) (int, error) { return len(b), nil }
func (v *verdict) WriteHeader(status int)      { v.status = status }

// guard asks for the token.
func (s *Server) guard(next http.HandlerFunc) http.HandlerFunc {
	if s.options.Token == "" {
		return next
	}
	// Digests have one length, so that the time of comparing tells nothing, not even the token's length.
	want := sha256.Sum256([]byte(s.options.Token))
	return func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(token)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			s.fail(w, r, refuse(http.StatusUnauthorized, "no token, or another one; send Authorization: Bearer TOKEN"))
			return
		}
		next(w, r)
	}
}

// admit lets work in until the server shuts down.
func (s *Server) admit(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.gate.enter() {
			s.fail(w, r, errClosing)
			return
		}
		defer s.gate.leave()
		next(w, r)
	}
}

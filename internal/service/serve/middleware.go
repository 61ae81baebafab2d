package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"ptyx/internal/service/listen"
)

// writeTimeout is for a client to read an answer.
const writeTimeout = time.Minute

// harden applies to every request. It sets headers that restrict browsers, sets deadlines for slow clients, and refuses
// requests that a page of another site makes a browser send.
func (s *Server) harden(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		connection := http.NewResponseController(w) // its deadlines fail for the recorders of tests
		_ = connection.SetWriteDeadline(time.Now().Add(s.options.Timeout + writeTimeout))
		if r.ContentLength != 0 { // net/http reads a body before it answers, even one that no handler reads
			_ = connection.SetReadDeadline(time.Now().Add(s.options.Timeout))
		}
		if err := origins.Check(r); err != nil {
			s.fail(w, r, refuse(http.StatusForbidden, "a request from another site's page"))
			return
		}
		// A page of another site does not know the token.
		if s.options.Token == "" && listen.IsRebinding(r, s.options.Host) {
			s.fail(w, r, refuse(http.StatusForbidden,
				"host %.80q in the request, expected localhost, or an IP address or the name of the machine if the "+
					"server listens to others; let a proxy send that name, or use a token", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// explainUnknown answers in JSON if the mux has no such path or method.
func (s *Server) explainUnknown(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		answer := &statusRecorder{header: http.Header{}}
		h.ServeHTTP(answer, r)
		if allowed := answer.header.Get("Allow"); answer.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", allowed)
			s.fail(w, r, refuse(answer.status, "%.20q of %.80q, expected %s", r.Method, r.URL.Path, allowed))
			return
		}
		s.fail(w, r, refuse(http.StatusNotFound, "nothing at %.80q", r.URL.Path))
	})
}

// statusRecorder keeps the status and header of an answer and drops its body.
type statusRecorder struct {
	header http.Header
	status int
}

func (v *statusRecorder) Header() http.Header         { return v.header }
func (v *statusRecorder) Write(b []byte) (int, error) { return len(b), nil }
func (v *statusRecorder) WriteHeader(status int)      { v.status = status }

// authorize requires the token, if there is one.
func (s *Server) authorize(next handler) handler {
	if s.options.Token == "" {
		return next
	}
	// Comparing digests of equal length takes the same time for all tokens, so it reveals nothing about the right one.
	want := sha256.Sum256([]byte(s.options.Token))
	return func(w http.ResponseWriter, r *http.Request) error {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(token)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return refuse(http.StatusUnauthorized, "no token, or a wrong one; send Authorization: Bearer TOKEN")
		}
		return next(w, r)
	}
}

// admit refuses work while the server shuts down.
func (s *Server) admit(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !s.gate.enter() {
			return errClosing
		}
		defer s.gate.leave()
		return next(w, r)
	}
}

// Package live shows a page about a training while it runs: `ptyx train --live`. A [Server] serves the latest page that
// was published and sends the latest [Progress] to browsers as server-sent events. Package report makes the page; this
// package knows nothing of networks and scans.
//
// Wanted reports whether a browser has asked recently, so that no page is computed for nobody.
package live

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"ptyx/internal/service/listen"
)

var (
	//go:embed shell.html
	shell []byte
	//go:embed shell.js
	script []byte
)

// Progress is the state of a training.
type Progress struct {
	Epoch   int     `json:"epoch"` // the current one, from 1 on
	Epochs  int     `json:"epochs"`
	Batch   int     `json:"batch"`
	Batches int     `json:"batches"`
	Loss    float64 `json:"loss"` // of the latest batch; 0 before the first
	Done    bool    `json:"done"`
	Page    int     `json:"page"` // counts the published pages
}

// interest is how long a request counts as interest in the page.
const interest = 30 * time.Second

// eventPause is the least time between two events.
const eventPause = 500 * time.Millisecond

// Server is the live view of one training.
type Server struct {
	URL string // of the page

	http *http.Server
	done chan struct{} // closed when the server has ended

	mu       sync.Mutex
	progress Progress
	page     []byte
	asked    time.Time // of the last request
	closing  chan struct{}
}

// Address reads [HOST]:PORT or PORT. The host defaults to 127.0.0.1.
func Address(value string, insecure bool) listen.Address {
	if !strings.Contains(value, ":") {
		value = ":" + value
	}
	return listen.Address{Flag: "--live", Listen: value, Insecure: insecure}
}

// Check refuses an address that other machines can reach, unless it is Insecure: the page has neither TLS nor a token.
func Check(a listen.Address) (listen.HostPort, error) {
	return a.Check(false, "read the page and the training's configuration", "")
}

// Listen starts to serve a training of so many epochs.
func Listen(ctx context.Context, a listen.Address, epochs int, log *slog.Logger) (*Server, error) {
	place, err := Check(a)
	if err != nil {
		return nil, err
	}
	listener, err := a.Open(ctx, place)
	if err != nil {
		return nil, err
	}
	a.Warn(log, "", "read the page and the training's configuration", "the live page has neither TLS nor a token")
	s := &Server{
		URL: "http://" + listener.Addr().String() + "/", progress: Progress{Epochs: epochs},
		done: make(chan struct{}), closing: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.asset("text/html; charset=utf-8", shell))
	mux.HandleFunc("GET /shell.js", s.asset("text/javascript; charset=utf-8", script))
	mux.HandleFunc("GET /page", s.servePage)
	mux.HandleFunc("GET /events", s.serveEvents)
	s.http = &http.Server{
		Handler: onlyOwnNames(mux, place.Host), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // ends with Close
	}()
	return s, nil
}

// onlyOwnNames refuses requests of pages of other sites that were made to resolve to this machine. name is the host
// that the server listens at.
func onlyOwnNames(next http.Handler, name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if listen.IsRebinding(r, name) {
			http.Error(w, "use localhost, the machine's name or its IP address", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Update sets the progress.
func (s *Server) Update(p Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Epochs, p.Page = s.progress.Epochs, s.progress.Page
	s.progress = p
}

// Publish replaces the page, a complete HTML file.
func (s *Server) Publish(page []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.page = page
	s.progress.Page++
}

// Wanted reports whether a browser has asked within the last half minute, or has the page open.
func (s *Server) Wanted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.asked) < interest
}

// Close ends the server. Open pages learn that the training is done, and stay.
func (s *Server) Close() error {
	s.mu.Lock()
	s.progress.Done = true
	close(s.closing)
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) { // a browser does not read
		err = s.http.Close()
	}
	<-s.done
	return err
}

// noteRequest notes interest in the page.
func (s *Server) noteRequest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = time.Now()
}

// asset serves a file of the program. It uses no resources of other machines.
func (s *Server) asset(kind string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		s.noteRequest()
		secure(
			w,
			"default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'",
		)
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content) // the browser may have gone
	}
}

func (s *Server) servePage(w http.ResponseWriter, _ *http.Request) {
	s.noteRequest()
	s.mu.Lock()
	page := s.page
	s.mu.Unlock()
	secure(w, "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'")
	if page == nil {
		http.Error(w, "no epoch is finished yet", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page)
}

func secure(w http.ResponseWriter, policy string) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
}

// serveEvents sends the progress after each change, until the training ends.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	secure(w, "default-src 'none'")
	controller := http.NewResponseController(w)
	ticker := time.NewTicker(eventPause)
	defer ticker.Stop()
	var sent *Progress
	for {
		s.noteRequest()
		s.mu.Lock()
		now := s.progress
		s.mu.Unlock()
		if sent == nil || now != *sent {
			data, err := json.Marshal(now)
			if err != nil { // the loss is NaN
				now.Loss = 0
				data, _ = json.Marshal(now)
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil || controller.Flush() != nil {
				return
			}
			sent = &now
		}
		if now.Done {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-s.closing:
		case <-ticker.C:
		}
	}
}

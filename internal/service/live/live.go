// Package live serves the pages of --live. A [Web] is the HTTP server of one page: that of `ptyx watch`, which package
// viewer makes, or that of `ptyx train`, which a [Server] shows. A Server serves the latest page that was published and
// sends the latest [Progress] to browsers as server-sent events. Package report makes the page; this package knows
// nothing of networks and scans.
//
// Wanted reports whether a browser has asked recently, so that no page is computed for nobody.
package live

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
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

	web *Web

	mu       sync.Mutex
	progress Progress
	page     []byte
	asked    time.Time // of the last request
	closing  chan struct{}
}

// Listen starts to serve a training of so many epochs.
func Listen(ctx context.Context, a listen.Address, epochs int, log *slog.Logger) (*Server, error) {
	s := &Server{progress: Progress{Epochs: epochs}, closing: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.asset("text/html; charset=utf-8", shell))
	mux.HandleFunc("GET /shell.js", s.asset("text/javascript; charset=utf-8", script))
	mux.HandleFunc("GET /page", s.servePage)
	mux.HandleFunc("GET /events", s.serveEvents)
	web, err := Open(ctx, a, mux, log)
	if err != nil {
		return nil, err
	}
	s.web, s.URL = web, web.URL
	return s, nil
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
	return s.web.Close()
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

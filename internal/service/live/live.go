// Package live shows a page about a training while it runs: `ptyx train --live`. A Server listens, by default on this machine alone,
// and holds the latest page that was Published and the latest Progress; a browser is told of both by server-sent events. The page
// itself is package report's; this package knows nothing of networks and scans, and stands beside progress.
//
// Nothing is computed for a page that nobody looks at: Wanted says whether somebody has, of late.
package live

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
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

// Progress is where a training is.
type Progress struct {
	Epoch   int     `json:"epoch"` // that runs, from 1 on
	Epochs  int     `json:"epochs"`
	Batch   int     `json:"batch"`
	Batches int     `json:"batches"`
	Loss    float64 `json:"loss"` // of the latest batch; 0 before the first
	Done    bool    `json:"done"`
	Page    int     `json:"page"` // number of the published page; 0: none yet
}

// interest is how long a look at the page counts.
const interest = 30 * time.Second

// tick is how often a browser is told, at most.
const tick = 500 * time.Millisecond

// Server is the live view of one training.
type Server struct {
	URL string // where it is to be looked at

	http *http.Server
	done chan struct{} // closed when the server has ended

	mu       sync.Mutex
	progress Progress
	page     []byte
	looked   time.Time
	closing  chan struct{}
}

// Place is where to listen: a port alone means this machine alone, any other host has to be written out.
func Place(flag, value string) (listen.HostPort, error) {
	if !strings.Contains(value, ":") {
		value = ":" + value
	}
	return listen.Parse(flag, value)
}

// Listen starts to serve; flag names the place in complaints.
func Listen(ctx context.Context, flag string, place listen.HostPort, epochs int) (*Server, error) {
	listener, err := place.Open(ctx, flag)
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + listener.Addr().String() + "/", progress: Progress{Epochs: epochs}, done: make(chan struct{}), closing: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.asset("text/html; charset=utf-8", shell))
	mux.HandleFunc("GET /shell.js", s.asset("text/javascript; charset=utf-8", script))
	mux.HandleFunc("GET /page", s.servePage)
	mux.HandleFunc("GET /events", s.serveEvents)
	s.http = &http.Server{Handler: own(mux), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // ends with Close
	}()
	return s, nil
}

// own answers nobody but who asks this machine by its own name.
func own(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if listen.IsRebinding(r) {
			http.Error(w, "ask localhost or 127.0.0.1", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Update tells where the training is.
func (s *Server) Update(p Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Epochs, p.Page = s.progress.Epochs, s.progress.Page
	s.progress = p
}

// Publish shows a new page, a whole HTML file.
func (s *Server) Publish(page []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.page = page
	s.progress.Page++
}

// Wanted reports whether somebody has looked within the last half minute, or has the page open.
func (s *Server) Wanted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.looked) < interest
}

// Close ends the server; open browsers are told that the training is done, and keep what they show.
func (s *Server) Close() error {
	s.mu.Lock()
	s.progress.Done = true
	close(s.closing)
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) { // a browser that does not read
		err = s.http.Close()
	}
	<-s.done
	return err
}

func (s *Server) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked = time.Now()
}

// asset serves a file of the program. Nothing of another machine is ever asked for.
func (s *Server) asset(kind string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		s.look()
		secure(w, "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'")
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content) // a browser that went away
	}
}

func (s *Server) servePage(w http.ResponseWriter, _ *http.Request) {
	s.look()
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

// serveEvents tells a browser of every change, at most one a tick, until the training ends.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	secure(w, "default-src 'none'")
	controller := http.NewResponseController(w)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var told *Progress
	for {
		s.look()
		s.mu.Lock()
		now := s.progress
		s.mu.Unlock()
		if told == nil || now != *told {
			text, err := json.Marshal(now)
			if err != nil { // a loss that is no number
				now.Loss = 0
				text, _ = json.Marshal(now)
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil {
				return
			}
			if controller.Flush() != nil {
				return
			}
			told = &now
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

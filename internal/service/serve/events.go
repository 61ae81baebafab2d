package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// scanEvents tells of one scan, as server-sent events, until it is deleted.
func (s *Server) scanEvents(w http.ResponseWriter, r *http.Request, a *scan) error {
	return s.stream(w, r, &a.changed, "scan", func() (any, bool) {
		_, err := s.scans.find(a.id)
		return a.status(), err == nil
	})
}

// listEvents tells of all scans.
func (s *Server) listEvents(w http.ResponseWriter, r *http.Request) {
	err := s.stream(w, r, &s.scans.changed, "scans", func() (any, bool) { return map[string]any{"scans": s.statuses()}, true })
	if err != nil {
		s.fail(w, r, err)
	}
}

// stream sends what look finds, at once and after each change, but not too often. It ends with the client, with the server, or when
// look says that there is nothing more.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, changed *signal, event string, look func() (value any, more bool)) error {
	select {
	case s.scans.streams <- struct{}{}:
		defer func() { <-s.scans.streams }()
	default:
		return refuse(http.StatusTooManyRequests, "%d streams of events are open, and no more", maxStreams)
	}
	connection := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(text string) bool {
		_ = connection.SetWriteDeadline(time.Now().Add(headerTime)) // not every writer of a test has a connection
		_, err := w.Write([]byte(text))
		return err == nil && connection.Flush() == nil
	}
	for {
		next := changed.changed() // before looking, so that no change is missed
		value, more := look()
		if !more {
			send("event: gone\ndata: {}\n\n")
			return nil
		}
		data, err := json.Marshal(value)
		if err != nil || !send(fmt.Sprintf("event: %s\ndata: %s\n\n", event, data)) {
			return nil
		}
		if !s.pause(r, tick) {
			return nil
		}
		for waiting := true; waiting; {
			select {
			case <-next:
				waiting = false
			case <-time.After(beat):
				if !send(": here\n\n") {
					return nil
				}
			case <-s.scans.ending:
				return nil
			case <-r.Context().Done():
				return nil
			}
		}
	}
}

// pause waits, unless client or server go before.
func (s *Server) pause(r *http.Request, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.scans.ending:
		return false
	case <-r.Context().Done():
		return false
	}
}

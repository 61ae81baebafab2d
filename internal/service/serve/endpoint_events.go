package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// A stream sends at most one event per eventPause. At least once per heartbeat it sends something, which reveals a
// client that has gone.
const (
	eventPause = 500 * time.Millisecond
	heartbeat  = 15 * time.Second
)

// scanEvents streams the status of a scan as server-sent events until it is deleted: GET /v1/scans/{scan}/events.
func (s *Server) scanEvents(w http.ResponseWriter, r *http.Request, a *scan) error {
	return s.stream(w, r, &a.changed, "scan", func() (any, bool) {
		_, err := s.scans.find(a.id)
		return a.status(), err == nil
	})
}

// listEvents streams the status of all scans: GET /v1/events.
func (s *Server) listEvents(w http.ResponseWriter, r *http.Request) error {
	return s.stream(w, r, &s.scans.changed, "scans", func() (any, bool) {
		return map[string]any{"scans": s.statuses()}, true
	})
}

// stream sends the current value at once and after each change. It ends when the client or the server does, or when
// current reports that there is no value any more.
func (s *Server) stream(
	w http.ResponseWriter, r *http.Request, changed *signal, event string, current func() (value any, exists bool),
) error {
	select {
	case s.scans.streams <- struct{}{}:
		defer func() { <-s.scans.streams }()
	default:
		return refuse(http.StatusTooManyRequests, "%d streams of events are open, the most that the server allows",
			maxStreams)
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.scans.streaming, cancel)()
	connection := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(text string) bool {
		_ = connection.SetWriteDeadline(time.Now().Add(headerTimeout)) // fails for the recorders of tests
		_, err := w.Write([]byte(text))
		return err == nil && connection.Flush() == nil
	}
	for {
		next := changed.next() // before reading the value, so that no change is missed
		value, exists := current()
		if !exists {
			send("event: gone\ndata: {}\n\n")
			return nil
		}
		data, err := json.Marshal(value)
		if err != nil || !send(fmt.Sprintf("event: %s\ndata: %s\n\n", event, data)) || !sleep(ctx, eventPause) {
			return nil
		}
		for waiting := true; waiting; {
			select {
			case <-next:
				waiting = false
			case <-time.After(heartbeat):
				if !send(": here\n\n") {
					return nil
				}
			case <-ctx.Done():
				return nil
			}
		}
	}
}

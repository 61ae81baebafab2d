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

// enterStream counts a stream in. Its context ends when the client or the server does; leave counts it out.
func (s *Server) enterStream(r *http.Request) (ctx context.Context, leave func(), err error) {
	countOut, err := s.scans.enterStream()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(s.scans.streaming, cancel)
	return ctx, func() {
		stop()
		cancel()
		countOut()
	}, nil
}

// stream sends the current value at once and after each change. It ends when the client or the server does, or when
// current reports that there is no value any more.
func (s *Server) stream(
	w http.ResponseWriter, r *http.Request, changed *signal, event string, current func() (value any, exists bool),
) error {
	ctx, leave, err := s.enterStream(r)
	if err != nil {
		return err
	}
	defer leave()
	connection := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(text string) bool {
		_ = connection.SetWriteDeadline(time.Now().Add(headerTimeout)) // fails for the recorders of tests
		_, err := w.Write([]byte(text))
		if err != nil || connection.Flush() != nil {
			return false
		}
		_ = connection.SetWriteDeadline(time.Time{}) // HTTP/2 would end the stream then, although nothing is late
		return true
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

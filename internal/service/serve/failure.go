package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"ptyx/internal/base/badinput"
	"ptyx/internal/service/scanstore"
)

// failure is an answer that is not what was asked for: a status and a sentence for the client.
type failure struct {
	status int
	text   string
}

func (f *failure) Error() string { return f.text }

// refuse makes a failure.
func refuse(status int, format string, args ...any) error {
	return &failure{status: status, text: fmt.Sprintf(format, args...)}
}

// Failures that have no more to say.
var (
	errFull    = &failure{http.StatusTooManyRequests, "the queue is full; try again in a moment"}
	errClosing = &failure{http.StatusServiceUnavailable, "the server is shutting down"}
	// errReturning is of a scan whose object is not yet what it was.
	errReturning = &failure{http.StatusServiceUnavailable, "the scan is coming back from the disk; try again in a moment"}
)

// statusClientGone is what nginx calls a request whose client has not waited; it is for metrics and never arrives.
const statusClientGone = 499

// explain gives the status of any error, and what the client may know of it.
func explain(err error) (status int, text string) {
	var known *failure
	var bad *badinput.Error
	var large *http.MaxBytesError
	var disk *scanstore.DiskError
	switch {
	case errors.As(err, &known):
		return known.status, known.text
	case errors.As(err, &bad):
		return http.StatusBadRequest, bad.Error()
	case errors.As(err, &disk):
		return http.StatusInsufficientStorage, fmt.Sprintf("the server's disk does not take it: %s; send it again when there is room", disk)
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", large.Limit)
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "the request's time has run out"
	case errors.Is(err, context.Canceled):
		return statusClientGone, "the client has gone"
	}
	return http.StatusInternalServerError, "something went wrong here; the server's log says what"
}

// fail answers with an error as the protocol writes it, and returns the status.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) int {
	status, text := explain(err)
	if disk := (*scanstore.DiskError)(nil); errors.As(err, &disk) {
		s.options.Log.Warn("the disk does not take what scans are to keep", "method", r.Method, "path", r.URL.Path, "error", disk.Err)
	}
	switch status {
	case http.StatusInternalServerError:
		s.options.Log.Error("a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="ptyx"`)
	}
	// Before the answer, net/http reads what is left of a body, and would wait for it for as long as the client likes.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(refusedTime)) // not every writer of a test has a connection
	writeJSON(w, status, map[string]string{"error": text})
	return status
}

// refusedTime is what the rest of a body has to come, whose request is refused.
const refusedTime = time.Second

// writeJSON answers with a value that JSON can hold.
func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil { // a programming error: values here are of our own making
		status, body = http.StatusInternalServerError, []byte(`{"error":"an answer that cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone
}

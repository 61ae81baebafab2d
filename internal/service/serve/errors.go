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

// failure is an error with the HTTP status and the sentence that the client receives.
type failure struct {
	status int
	text   string
}

func (f *failure) Error() string { return f.text }

// refuse makes a failure.
func refuse(status int, format string, args ...any) error {
	return &failure{status: status, text: fmt.Sprintf(format, args...)}
}

var (
	errFull      = &failure{http.StatusTooManyRequests, "the queue is full; try again in a moment"}
	errClosing   = &failure{http.StatusServiceUnavailable, "the server is shutting down"}
	errRestoring = &failure{http.StatusServiceUnavailable, "the scan is being restored; try again in a moment"}
	errDeleted   = &failure{http.StatusNotFound, "the scan was deleted"}
)

// statusClientGone is nginx's status for a client that closed the connection. Only metrics show it.
const statusClientGone = 499

// explain returns the status of an error and the sentence for the client, which hides internal details.
func explain(err error) (status int, text string) {
	var known *failure
	var bad *badinput.Error
	var large *http.MaxBytesError
	var disk *scanstore.DiskError
	switch {
	case err == nil:
		return http.StatusOK, ""
	case errors.As(err, &known):
		return known.status, known.text
	case errors.As(err, &bad):
		return http.StatusBadRequest, bad.Error()
	case errors.As(err, &disk):
		return http.StatusInsufficientStorage,
			fmt.Sprintf("the server's disk does not take it: %s; send it again when there is room", disk)
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", large.Limit)
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "the request timed out"
	case errors.Is(err, context.Canceled):
		return statusClientGone, "the client closed the connection"
	}
	return http.StatusInternalServerError, "an internal error; see the server's log"
}

// fail answers with an error in the protocol's format.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, text := explain(err)
	log := s.options.Log.With("method", r.Method, "path", r.URL.Path)
	if disk := (*scanstore.DiskError)(nil); errors.As(err, &disk) {
		log.Warn("a scan cannot be written to disk", "error", disk.Err)
	}
	switch status {
	case http.StatusInternalServerError:
		log.Error("a request failed", "error", err)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="ptyx"`)
	}
	// net/http reads the rest of the body before it answers, and a slow client could delay that without end.
	// fails for the recorders of tests
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(refusedTimeout))
	writeJSON(w, status, map[string]string{"error": text})
}

// refusedTimeout is for the rest of the body of a refused request.
const refusedTimeout = time.Second

// writeJSON answers with a value that JSON can represent.
func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil { // a programming error: all values are built here
		status, body = http.StatusInternalServerError, []byte(`{"error":"an answer that cannot be written"}`)
	}
	writeBody(w, status, "application/json", body)
}

// writeBody answers with parts of a body. The client may have closed the connection, so it ignores errors.
func writeBody(w http.ResponseWriter, status int, contentType string, parts ...[]byte) {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(status)
	for _, part := range parts {
		_, _ = w.Write(part)
	}
}

package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// body reads a request's body, and no more of it than is allowed. What all requests hold together is bounded, too; release gives
// it back.
func (s *Server) body(ctx context.Context, w http.ResponseWriter, r *http.Request) (body []byte, release func(), err error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, nil, refuse(http.StatusUnsupportedMediaType, "content encoding %.20q, expected none", encoding)
	}
	size := s.options.MaxBody // of a body that does not say
	if r.ContentLength >= 0 {
		size = r.ContentLength
	}
	if size > s.options.MaxBody {
		return nil, nil, &http.MaxBytesError{Limit: s.options.MaxBody}
	}
	if !s.bodies.TryAcquire(size) {
		return nil, nil, refuse(http.StatusTooManyRequests, "too many large requests at once; try again in a moment")
	}
	release = func() { s.bodies.Release(size) }
	body, err = readBody(ctx, w, r, s.options.MaxBody)
	if err != nil {
		release()
		return nil, nil, err
	}
	return body, release, nil
}

func readBody(ctx context.Context, w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	connection := http.NewResponseController(w)
	if deadline, ok := ctx.Deadline(); ok { // a client that sends by drops is left
		_ = connection.SetReadDeadline(deadline) // not every writer of a test has a connection
	}
	var buffer bytes.Buffer
	if r.ContentLength > 0 {
		buffer.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := buffer.ReadFrom(http.MaxBytesReader(w, r.Body, most))
	var large *http.MaxBytesError
	switch {
	case err == nil:
		_ = connection.SetReadDeadline(time.Time{}) // else it would end the request while it is computed
		return buffer.Bytes(), nil
	case errors.As(err, &large):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return nil, refuse(http.StatusRequestTimeout, "the body did not come in time")
	case errors.Is(err, io.ErrUnexpectedEOF), ctx.Err() != nil:
		return nil, fmt.Errorf("reading the body: %w", context.Canceled)
	}
	return nil, refuse(http.StatusBadRequest, "a body that cannot be read: %.200s", err)
}

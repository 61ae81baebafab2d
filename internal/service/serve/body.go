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

// withBody reads a request's body, which must arrive before ctx's deadline, and passes it to use. It limits the body to
// Options.MaxBody and the bodies of all requests to maxBodies times as much.
func (s *Server) withBody(ctx context.Context, w http.ResponseWriter, r *http.Request,
	use func(body []byte) error) error {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return refuse(http.StatusUnsupportedMediaType, "content encoding %.20q, expected none", encoding)
	}
	size := r.ContentLength
	if size < 0 { // unknown
		size = s.options.MaxBody
	}
	if size > s.options.MaxBody {
		return &http.MaxBytesError{Limit: s.options.MaxBody}
	}
	if !s.bodies.TryAcquire(size) {
		return refuse(http.StatusTooManyRequests, "too many large requests at once; try again in a moment")
	}
	defer s.bodies.Release(size)
	body, err := readBody(ctx, w, r, s.options.MaxBody)
	if err != nil {
		return err
	}
	return use(body)
}

func readBody(ctx context.Context, w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	connection := http.NewResponseController(w)
	if deadline, ok := ctx.Deadline(); ok {
		_ = connection.SetReadDeadline(deadline) // fails for the recorders of tests
	}
	var buffer bytes.Buffer
	if r.ContentLength > 0 {
		buffer.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := buffer.ReadFrom(http.MaxBytesReader(w, r.Body, most))
	var large *http.MaxBytesError
	switch {
	case err == nil:
		_ = connection.SetReadDeadline(time.Time{}) // or it would end the request during the computation
		return buffer.Bytes(), nil
	case errors.As(err, &large):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return nil, refuse(http.StatusRequestTimeout, "the body did not arrive in time")
	case errors.Is(err, io.ErrUnexpectedEOF), ctx.Err() != nil:
		return nil, fmt.Errorf("reading the body: %w", context.Canceled)
	}
	return nil, refuse(http.StatusBadRequest, "the body cannot be read: %.200s", err)
}

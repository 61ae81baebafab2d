package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// withBody reads a request's body, which must arrive before ctx's deadline, and passes it to use, which reserves memory
// for what it unpacks. It limits the body to Options.MaxBody, and all requests together to maxBodies times as much.
func (s *Server) withBody(ctx context.Context, w http.ResponseWriter, r *http.Request,
	use func(body []byte, held *reservation) error) error {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return refuse(http.StatusUnsupportedMediaType, "content encoding %.20q, expected none", encoding)
	}
	if r.ContentLength > s.options.MaxBody {
		return &http.MaxBytesError{Limit: s.options.MaxBody}
	}
	held := &reservation{memory: s.memory}
	defer held.release()
	if !held.hasRoomFor(max(0, r.ContentLength)) { // -1: unknown
		return errMemory
	}
	body, err := readBody(ctx, w, r, s.options.MaxBody, held)
	if err != nil {
		return err
	}
	return use(body, held)
}

func readBody(ctx context.Context, w http.ResponseWriter, r *http.Request, most int64,
	held *reservation) ([]byte, error) {
	connection := http.NewResponseController(w)
	if deadline, ok := ctx.Deadline(); ok {
		_ = connection.SetReadDeadline(deadline) // fails for the recorders of tests
	}
	expected := most
	if r.ContentLength >= 0 {
		expected = r.ContentLength
	}
	body, err := held.readAll(http.MaxBytesReader(w, r.Body, most), expected)
	var large *http.MaxBytesError
	switch {
	case err == nil:
		_ = connection.SetReadDeadline(time.Time{}) // or it would end the request during the computation
		return body, nil
	case errors.Is(err, errMemory), errors.As(err, &large):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return nil, refuse(http.StatusRequestTimeout, "the body did not arrive in time")
	case errors.Is(err, io.ErrUnexpectedEOF), ctx.Err() != nil:
		return nil, fmt.Errorf("reading the body: %w", context.Canceled)
	}
	return nil, refuse(http.StatusBadRequest, "the body cannot be read: %.200s", err)
}

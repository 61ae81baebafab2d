package serve

import (
	"errors"
	"io"
	"net/http"

	"golang.org/x/sync/semaphore"
)

// reservation is what one request holds of the memory for bodies: its body, as far as it has arrived, and the arrays
// that are unpacked from it. One goroutine uses it.
type reservation struct {
	memory *semaphore.Weighted // bytes for all requests
	bytes  int64
}

var errMemory = &failure{http.StatusTooManyRequests, "too many large requests at once; try again in a moment"}

// add reserves more bytes, or returns errMemory.
func (r *reservation) add(bytes int64) error {
	if !r.memory.TryAcquire(bytes) {
		return errMemory
	}
	r.bytes += bytes
	return nil
}

// hasRoomFor reports whether add would succeed now.
func (r *reservation) hasRoomFor(bytes int64) bool {
	if !r.memory.TryAcquire(bytes) {
		return false
	}
	r.memory.Release(bytes)
	return true
}

// release gives everything back.
func (r *reservation) release() {
	r.memory.Release(r.bytes)
	r.bytes = 0
}

// firstBuffer is what a body may fill before its buffer doubles, in bytes.
const firstBuffer = 4 << 10

// readAll reads a body of at most so many bytes. It reserves memory as the body arrives, because a slow client must not
// hold what it has not sent.
func (r *reservation) readAll(body io.Reader, most int64) ([]byte, error) {
	var all []byte
	for {
		if len(all) == cap(all) {
			size := min(max(firstBuffer, 2*int64(cap(all))), most+1) // one byte more, to see the end
			if size == int64(cap(all)) {
				return nil, &http.MaxBytesError{Limit: most}
			}
			if err := r.add(size - int64(cap(all))); err != nil {
				return nil, err
			}
			all = append(make([]byte, 0, size), all...)
		}
		n, err := body.Read(all[len(all):cap(all)])
		all = all[:len(all)+n]
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
	}
}

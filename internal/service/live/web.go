package live

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"ptyx/internal/service/listen"
)

// Web is the HTTP server of a page.
type Web struct {
	URL string // of the page

	http *http.Server
	done chan struct{} // closed when the server has ended
}

// Address reads [HOST]:PORT or PORT. The host defaults to 127.0.0.1.
func Address(value string, insecure bool) listen.Address {
	if !strings.Contains(value, ":") {
		value = ":" + value
	}
	return listen.Address{Flag: "--live", Listen: value, Insecure: insecure}
}

// danger is what other machines can do that reach the page: it has neither TLS nor a token.
const danger = "read the live page"

// Check refuses an address that other machines can reach, unless it is Insecure.
func Check(a listen.Address) (listen.HostPort, error) { return a.Check(false, danger, "") }

// Open starts to serve a page.
func Open(ctx context.Context, a listen.Address, page http.Handler, log *slog.Logger) (*Web, error) {
	place, err := Check(a)
	if err != nil {
		return nil, err
	}
	listener, err := a.Open(ctx, place)
	if err != nil {
		return nil, err
	}
	a.Warn(log, "", danger, "the live page has neither TLS nor a token")
	w := &Web{URL: "http://" + listener.Addr().String() + "/", done: make(chan struct{})}
	w.http = &http.Server{
		Handler: onlyOwnNames(page, place.Host), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
	}
	go func() {
		defer close(w.done)
		_ = w.http.Serve(listener) // ends with Close
	}()
	return w, nil
}

// onlyOwnNames refuses requests of pages of other sites that were made to resolve to this machine. name is the host
// that the server listens at.
func onlyOwnNames(next http.Handler, name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if listen.IsRebinding(r, name) {
			http.Error(w, "use localhost, the machine's name or its IP address", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// closeTimeout is how long requests may take to end: a page gets the last tiles meanwhile.
const closeTimeout = 5 * time.Second

// Close ends the server, after the requests that end soon.
func (w *Web) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := w.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) { // a browser does not read
		err = w.http.Close()
	}
	<-w.done
	return err
}

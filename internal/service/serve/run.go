package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"ptyx/internal/base/badinput"
	"ptyx/internal/service/listen"
)

// Limits of a connection, besides the timeout of a request.
const (
	headerTimeout = 10 * time.Second // for a request's header
	idleTimeout   = 2 * time.Minute  // between two requests
	headerSize    = 64 << 10         // bytes
)

// CheckAddress refuses an address that other machines can reach without TLS.
func CheckAddress(a listen.Address) (listen.HostPort, error) {
	return a.Check(a.CertFile != "", "read along", "--tls-cert and --tls-key")
}

// Listen opens an address, with TLS if it has a certificate. Faults of the address are *badinput.Error.
func Listen(ctx context.Context, a listen.Address) (l net.Listener, url string, err error) {
	place, err := CheckAddress(a)
	if err != nil {
		return nil, "", err
	}
	config, err := a.TLS()
	if err != nil {
		return nil, "", err
	}
	if l, err = a.Open(ctx, place); err != nil {
		return nil, "", err
	}
	if config == nil {
		return l, "http://" + l.Addr().String(), nil
	}
	config.NextProtos = []string{"h2", "http/1.1"}
	return tls.NewListener(l, config), "https://" + l.Addr().String(), nil
}

// Run serves at l until ctx is done. Then it refuses new work, finishes accepted work within Options.Grace and returns
// nil. If the grace was too short, it returns a *badinput.Error. It closes l.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	grace := s.options.Grace
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerSize,
		ErrorLog: slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("listening: %w", err)
	case <-ctx.Done():
	}
	s.options.Log.Info("shutting down", "grace", grace)
	// New requests are still answered during the grace, with the status that the server is shutting down.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.Drain(last)
	if failed := server.Shutdown(last); failed != nil {
		_ = server.Close() // cuts connections that still read or write
		if err == nil {
			err = failed
		}
	}
	<-ended
	if errors.Is(err, context.DeadlineExceeded) {
		return &badinput.Error{
			Key: "--grace", Found: fmt.Sprintf("requests that were still in work after %v, and were cut", grace),
			Expected: "all finished", Remedy: "allow more time, or send smaller requests",
		}
	}
	return err
}

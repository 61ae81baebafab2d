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

// Address is where a server listens.
type Address struct {
	Listen            string // HOST:PORT; without a host, and for localhost, this machine alone
	CertFile, KeyFile string // PEM; both or none
	Insecure          bool   // other machines may come without TLS
	Grace             time.Duration
}

// Times that a client has, apart from a request's own.
const (
	headerTime = 10 * time.Second // for a request's header
	idleTime   = 2 * time.Minute  // between two requests
	headerSize = 64 << 10         // bytes
)

// check refuses what would let anybody read along. It returns the place to listen at.
func (a Address) check() (listen.Place, error) {
	place, err := listen.Parse("--listen", a.Listen)
	if err != nil {
		return place, err
	}
	if a.Grace < 0 {
		return place, &badinput.Error{Key: "--grace", Found: a.Grace.String(), Expected: "0 or longer"}
	}
	if !place.Local() && a.CertFile == "" && !a.Insecure {
		return place, place.Exposed("--listen", "read along", "give --tls-cert and --tls-key, or --insecure where the network is to be trusted")
	}
	return place, nil
}

// Local tells whether only this machine reaches the address.
func (a Address) Local() bool { return listen.Local(a.Listen) }

// Listen opens the address, with TLS if that is asked for. Faults of what the user gave are *badinput.Error.
func Listen(ctx context.Context, a Address) (l net.Listener, url string, err error) {
	place, err := a.check()
	if err != nil {
		return nil, "", err
	}
	config, err := listen.TLS(a.CertFile, a.KeyFile)
	if err != nil {
		return nil, "", err
	}
	if l, err = place.Open(ctx, "--listen"); err != nil {
		return nil, "", err
	}
	if config == nil {
		return l, "http://" + l.Addr().String(), nil
	}
	config.NextProtos = []string{"h2", "http/1.1"}
	return tls.NewListener(l, config), "https://" + l.Addr().String(), nil
}

// Run answers at l until ctx is done. Then it lets in no more work, finishes what it has accepted, for at most grace, and returns nil;
// a *badinput.Error if that was not long enough. l is closed.
func (s *Server) Run(ctx context.Context, l net.Listener, grace time.Duration) error {
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: headerSize,
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
	// While what was accepted is finished, whoever still asks is told that this server goes away.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.Drain(last)
	if stop := server.Shutdown(last); stop != nil { // connections that read or write at the end of the grace are cut
		_ = server.Close() // which says, at most, what stop does
		if err == nil {
			err = stop
		}
	}
	<-ended
	if errors.Is(err, context.DeadlineExceeded) {
		return &badinput.Error{Key: "--grace", Found: fmt.Sprintf("requests that were still in work after %v, and were cut", grace),
			Expected: "all finished", Remedy: "give them longer, or ask for less at once"}
	}
	return err
}

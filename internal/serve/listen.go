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

	"ptyx/internal/badinput"
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

// check refuses what would let anybody read along. It returns the address to listen at.
func (a Address) check() (string, error) {
	host, port, err := net.SplitHostPort(a.Listen)
	if err != nil {
		return "", &badinput.Error{Key: "--listen", Found: fmt.Sprintf("%q", a.Listen), Expected: "HOST:PORT", Cause: err}
	}
	if (a.CertFile == "") != (a.KeyFile == "") {
		return "", &badinput.Error{Key: "--tls-cert, --tls-key", Found: "one of them", Expected: "both, or none"}
	}
	if a.Grace < 0 {
		return "", &badinput.Error{Key: "--grace", Found: a.Grace.String(), Expected: "0 or longer"}
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if !loopback(host) && a.CertFile == "" && !a.Insecure {
		return "", &badinput.Error{Key: "--listen", Found: fmt.Sprintf("%s, where other machines can read along", a.Listen), Expected: "an address of this machine alone, such as 127.0.0.1:8080",
			Remedy: "give --tls-cert and --tls-key, or --insecure where the network is to be trusted"}
	}
	return net.JoinHostPort(host, port), nil
}

// Local tells whether only this machine reaches the address.
func (a Address) Local() bool {
	host, _, err := net.SplitHostPort(a.Listen)
	return err == nil && (host == "" || loopback(host))
}

// loopback tells whether a host is this machine, to itself alone.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Listen opens the address, with TLS if that is asked for. Faults of what the user gave are *badinput.Error.
func Listen(ctx context.Context, a Address) (l net.Listener, url string, err error) {
	address, err := a.check()
	if err != nil {
		return nil, "", err
	}
	scheme := "http"
	var config *tls.Config
	if a.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile)
		if err != nil {
			return nil, "", &badinput.Error{File: a.CertFile, Key: "--tls-cert, --tls-key", Found: "files that cannot be used", Expected: "a certificate and its key, PEM", Cause: err}
		}
		scheme = "https"
		config = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	}
	l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, "", &badinput.Error{Key: "--listen", Found: fmt.Sprintf("%s, where nothing can listen", a.Listen), Cause: err, Remedy: "give another port, or end what listens there"}
	}
	url = scheme + "://" + l.Addr().String()
	if config != nil {
		l = tls.NewListener(l, config)
	}
	return l, url, nil
}

// Run answers at l until ctx is done. Then it lets in no more work, finishes what it has accepted, for at most grace, and returns nil;
// an error if that was not long enough. l is closed.
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
		err = errors.Join(err, stop, server.Close())
	}
	<-ended
	return err
}

package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ptyx/internal/base/badinput"
	"ptyx/internal/service/listen"
)

// BrokerOptions configure a broker.
type BrokerOptions struct {
	listen.Address
	Store    string // directory of its messages and models
	Token    string // required from clients; empty: none
	MaxStore int64  // bytes on disk; 0: three quarters of the free space
}

// Broker is a NATS server with JetStream. Its data outlives it: another broker may resume with the same directory.
type Broker struct {
	URL    string
	server *server.Server
}

const (
	maxMessage   = 8 << 20          // bytes; a group of 9 patterns of 256 x 256 fits
	startTimeout = 30 * time.Second // reading a large store takes time
)

// StartBroker returns when the broker accepts clients. Invalid options give a *badinput.Error.
func StartBroker(o BrokerOptions, log *slog.Logger) (*Broker, error) {
	options, err := o.server()
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("starting the broker: %w", err)
	}
	messages := &brokerLog{log: log, fatal: make(chan struct{})}
	s.SetLoggerV2(messages, false, false, false)
	s.Start()
	if !messages.awaitStart(s) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, &badinput.Error{
			Key:   "--listen, --store",
			Found: fmt.Sprintf("%s and %s, where no broker can start", o.Listen, o.Store), Cause: messages.lastError(),
			Remedy: "give another port or directory, or stop the program that uses them",
		}
	}
	scheme := "nats"
	if options.TLSConfig != nil {
		scheme = "tls"
	}
	return &Broker{URL: scheme + "://" + s.Addr().String(), server: s}, nil
}

// Close disconnects the clients and returns when all data is on disk.
func (b *Broker) Close() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// server checks the options and returns those of the NATS server. Other machines may connect only with TLS and a token.
func (o BrokerOptions) server() (*server.Options, error) {
	secured := o.CertFile != "" && o.Token != ""
	place, err := o.Check(secured, "read along and take part", "--tls-cert, --tls-key and a token")
	if err != nil {
		return nil, err
	}
	if o.MaxStore < 0 {
		return nil, &badinput.Error{
			Key: "--max-store", Found: fmt.Sprint(o.MaxStore), Expected: "0 (three quarters of the free space) or more",
		}
	}
	if o.Store == "" {
		return nil, &badinput.Error{Key: "--store", Found: "nothing", Expected: "a directory"}
	}
	if err := os.MkdirAll(o.Store, 0o700); err != nil {
		return nil, &badinput.Error{
			File: o.Store, Key: "--store", Found: "a directory that cannot be made", Expected: "one that can",
			Cause: err,
		}
	}
	options := &server.Options{
		ServerName: "ptyx", Host: place.Host, Port: place.Port, NoSigs: true, MaxPayload: maxMessage,
		Authorization: o.Token,
		JetStream:     true, StoreDir: filepath.Clean(o.Store), JetStreamMaxStore: o.MaxStore,
		DisableJetStreamBanner: true,
	}
	if place.Port == 0 {
		options.Port = server.RANDOM_PORT
	}
	options.TLSConfig, err = o.TLS()
	return options, err
}

// brokerLog is the NATS server's logger. It keeps the last warning or error.
type brokerLog struct {
	log   *slog.Logger
	fatal chan struct{} // closed by the first fatal error
	once  sync.Once
	mu    sync.Mutex
	last  string
}

// awaitStart reports whether the server accepts clients within startTimeout.
func (l *brokerLog) awaitStart(s *server.Server) bool {
	for start := time.Now(); time.Since(start) < startTimeout; {
		if s.ReadyForConnections(50 * time.Millisecond) {
			return s.JetStreamEnabled()
		}
		select {
		case <-l.fatal:
			return false
		default:
		}
	}
	return false
}

func (l *brokerLog) lastError() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.New(l.last)
}

func (l *brokerLog) keep(level func(string, ...any), format string, args []any) {
	text := fmt.Sprintf(format, args...)
	l.mu.Lock()
	l.last = text
	l.mu.Unlock()
	level("broker", "message", text)
}

func (l *brokerLog) Noticef(format string, args ...any) {
	l.log.Debug("broker", "message", fmt.Sprintf(format, args...))
}
func (l *brokerLog) Debugf(string, ...any)             {}
func (l *brokerLog) Tracef(string, ...any)             {}
func (l *brokerLog) Warnf(format string, args ...any)  { l.keep(l.log.Warn, format, args) }
func (l *brokerLog) Errorf(format string, args ...any) { l.keep(l.log.Error, format, args) }

// Fatalf only logs for debugging: StartBroker returns the error.
func (l *brokerLog) Fatalf(format string, args ...any) {
	l.keep(l.log.Debug, format, args)
	l.once.Do(func() { close(l.fatal) })
}

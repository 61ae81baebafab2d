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

// BrokerOptions say what a broker is.
type BrokerOptions struct {
	Store             string // directory of what it keeps
	Listen            string // HOST:PORT; without a host, and for localhost, this machine alone; port 0: any that is free
	Token             string // that clients have to bear; empty: none
	CertFile, KeyFile string // PEM; both or none
	Insecure          bool   // other machines may come without TLS and token
	MaxStore          int64  // bytes on disk; 0: three quarters of what is free
}

// Broker is a NATS server with JetStream. What it keeps outlives it: another one may go on with the same directory.
type Broker struct {
	URL    string
	server *server.Server
}

const (
	brokerMessage = 8 << 20          // bytes of a message: a group of 9 patterns of 256 x 256 passes
	brokerStart   = 30 * time.Second // looking through a large store takes time
)

// StartBroker starts one and returns when it takes clients. Faults of what the user gave are *badinput.Error.
func StartBroker(o BrokerOptions, log *slog.Logger) (*Broker, error) {
	options, err := o.server()
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("starting the broker: %w", err)
	}
	said := &brokerLog{log: log, fatal: make(chan struct{})}
	s.SetLoggerV2(said, false, false, false)
	s.Start()
	if !said.ready(s) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, said.failure(o)
	}
	scheme := "nats"
	if options.TLSConfig != nil {
		scheme = "tls"
	}
	return &Broker{URL: scheme + "://" + s.Addr().String(), server: s}, nil
}

// Close lets clients go and ends when all is on disk.
func (b *Broker) Close() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

func (o BrokerOptions) server() (*server.Options, error) {
	place, err := o.place()
	if err != nil {
		return nil, err
	}
	if o.MaxStore < 0 {
		return nil, &badinput.Error{Key: "--max-store", Found: fmt.Sprint(o.MaxStore), Expected: "0 (three quarters of what is free) or more"}
	}
	if o.Store == "" {
		return nil, &badinput.Error{Key: "--store", Found: "nothing", Expected: "a directory"}
	}
	if err := os.MkdirAll(o.Store, 0o700); err != nil {
		return nil, &badinput.Error{File: o.Store, Key: "--store", Found: "no place for a directory", Expected: "one that can be made", Cause: err}
	}
	options := &server.Options{
		ServerName: "ptyx", Host: place.Host, Port: place.Port, NoSigs: true, MaxPayload: brokerMessage, Authorization: o.Token,
		JetStream: true, StoreDir: filepath.Clean(o.Store), JetStreamMaxStore: o.MaxStore, DisableJetStreamBanner: true,
	}
	if place.Port == 0 {
		options.Port = server.RANDOM_PORT
	}
	options.TLSConfig, err = listen.TLS(o.CertFile, o.KeyFile)
	return options, err
}

// place refuses what would let anybody read along, or in.
func (o BrokerOptions) place() (listen.Place, error) {
	place, err := listen.Parse("--listen", o.Listen)
	if err == nil && !place.Local() && !o.Insecure && (o.CertFile == "" || o.Token == "") {
		err = place.Exposed("--listen", "read along and take part", "give --tls-cert, --tls-key and a token, or --insecure where the network is to be trusted")
	}
	return place, err
}

// Local tells whether only this machine reaches the broker.
func (o BrokerOptions) Local() bool { return listen.Local(o.Listen) }

// brokerLog passes on what the server says, and keeps its last complaint.
type brokerLog struct {
	log   *slog.Logger
	fatal chan struct{} // closed with the first fatal complaint
	once  sync.Once
	mu    sync.Mutex
	last  string
}

// ready waits until the server takes clients, and tells whether it does.
func (l *brokerLog) ready(s *server.Server) bool {
	for begun := time.Now(); time.Since(begun) < brokerStart; {
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

func (l *brokerLog) complain(level func(string, ...any), format string, args []any) {
	text := fmt.Sprintf(format, args...)
	l.mu.Lock()
	l.last = text
	l.mu.Unlock()
	level("broker", "says", text)
}

func (l *brokerLog) Noticef(format string, args ...any) {
	l.log.Debug("broker", "says", fmt.Sprintf(format, args...))
}
func (l *brokerLog) Debugf(string, ...any)             {}
func (l *brokerLog) Tracef(string, ...any)             {}
func (l *brokerLog) Warnf(format string, args ...any)  { l.complain(l.log.Warn, format, args) }
func (l *brokerLog) Errorf(format string, args ...any) { l.complain(l.log.Error, format, args) }

// Fatalf is told by failure.
func (l *brokerLog) Fatalf(format string, args ...any) {
	l.complain(l.log.Debug, format, args)
	l.once.Do(func() { close(l.fatal) })
}

// failure is why a broker did not start.
func (l *brokerLog) failure(o BrokerOptions) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &badinput.Error{Key: "--listen, --store", Found: fmt.Sprintf("%s and %s, where no broker can start", o.Listen, o.Store), Cause: errors.New(l.last),
		Remedy: "give another port or directory, or end what uses them"}
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ptyx/internal/base/badinput"
)

// Address is where a broker is, and what it wants to be told.
type Address struct {
	URL   string // nats://HOST:PORT, tls://HOST:PORT; several with commas
	Token string // empty: none
	CA    string // PEM file with the certificate that signed the broker's; empty: the system's
	Creds string // file of a NATS user; empty: none
	Name  string // of this client, for who looks at the broker

	Patience time.Duration // a broker that has been silent for so long is gone; 0: 15 s
}

// Connection is one to a broker. It comes back by itself when the broker does.
type Connection struct {
	name string // the URL, without secrets
	away atomic.Bool
	nc   *nats.Conn
	js   jetstream.JetStream

	mu     sync.Mutex
	broken context.Context // done when the connection breaks; another one follows
	breaks context.CancelFunc
}

const (
	reconnectWait = 500 * time.Millisecond // between two tries to find the broker again
	patience      = 15 * time.Second       // a broker that was stopped, or whose host has lost power, says nothing and closes nothing
	signs         = 3                      // of life that a broker is asked for in that time
	writing       = 10 * time.Second       // for a message to leave: whoever else uses the connection waits meanwhile
	answering     = 2 * time.Second        // for a broker to answer before it is tidied
)

// Connect connects. What is wrong with the address is a *badinput.Error; ErrNobody is wrapped where nothing listens.
func Connect(a Address, log *slog.Logger) (*Connection, error) {
	c := &Connection{name: redacted(a.URL)}
	c.broken, c.breaks = context.WithCancel(context.Background())
	for _, f := range []struct{ key, file string }{{"--tls-ca", a.CA}, {"--creds", a.Creds}} {
		if f.file == "" {
			continue
		}
		if _, err := os.ReadFile(f.file); err != nil {
			return nil, &badinput.Error{File: f.file, Key: f.key, Found: "a file that cannot be read", Expected: "a readable one", Cause: err}
		}
	}
	for part := range strings.SplitSeq(a.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(part))
		if err != nil || u.Host == "" || (u.Scheme != "nats" && u.Scheme != "tls") { // err would show a password
			return nil, &badinput.Error{Key: "--nats", Found: fmt.Sprintf("%q", c.name), Expected: "nats://HOST:PORT or tls://HOST:PORT, several with commas"}
		}
	}
	var err error
	if c.nc, err = nats.Connect(a.URL, c.options(a, log)...); err != nil {
		return nil, c.unreachable(err)
	}
	if c.js, err = jetstream.New(c.nc); err != nil {
		c.nc.Close()
		return nil, fmt.Errorf("using JetStream: %w", err)
	}
	return c, nil
}

func (c *Connection) options(a Address, log *slog.Logger) []nats.Option {
	if a.Patience == 0 {
		a.Patience = patience
	}
	options := []nats.Option{
		nats.PingInterval(a.Patience / signs), nats.MaxPingsOutstanding(signs - 1), nats.FlusherTimeout(writing),
		nats.Name(a.Name), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectBufSize(-1), // what cannot be sent is told at once
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			c.away.Store(true)
			c.breakOff()
			if err != nil {
				log.Warn("the broker is gone; waiting for it", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			c.away.Store(false)
			log.Info("the broker is back", "address", nc.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Debug("connection", "error", err) }),
	}
	if a.Token != "" {
		options = append(options, nats.Token(a.Token))
	}
	if a.CA != "" {
		options = append(options, nats.RootCAs(a.CA))
	}
	if a.Creds != "" {
		options = append(options, nats.UserCredentials(a.Creds))
	}
	return options
}

// ErrNobody is of a broker that is not there, now.
var ErrNobody = errors.New("no broker answers")

func (c *Connection) unreachable(err error) error {
	bad := &badinput.Error{File: c.name, Key: "--nats", Found: "a broker that lets nobody in", Expected: "one to work with", Cause: err}
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		bad.Found, bad.Remedy = "a broker that wants another token or user", "give --token-file, PTYX_TOKEN or --creds"
	case errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted), strings.Contains(err.Error(), "tls: "), strings.Contains(err.Error(), "x509: "):
		bad.Found, bad.Remedy = "no agreement about TLS", "see tls:// and --tls-ca"
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout), isNetwork(err):
		bad.Found, bad.Expected, bad.Remedy = "nobody there", "a broker", "start one: ptyx broker, or nats-server -js"
		bad.Cause = fmt.Errorf("%w: %w", ErrNobody, err)
	}
	return bad
}

// up is nil while the broker is there, as far as is known. It asks nobody: the client's own state is locked while the broker is looked for.
func (c *Connection) up() error {
	if c.away.Load() {
		return fmt.Errorf("%s: %w", c.name, ErrNobody)
	}
	return nil
}

// answers is nil if the broker is there and answers at once.
func (c *Connection) answers(ctx context.Context) error {
	if err := c.up(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answering)
	defer cancel()
	if err := c.nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("%s: %w (%w)", c.name, ErrNobody, err)
	}
	return nil
}

// Close ends the connection.
func (c *Connection) Close() {
	c.nc.Close()
	c.breakOff()
}

func (c *Connection) breakOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.breaks()
	c.broken, c.breaks = context.WithCancel(context.Background())
}

// whole does something that takes time, for as long as the connection holds: what was asked of a broker that went away is never answered. Then the error
// is nats.ErrDisconnected.
func (c *Connection) whole(ctx context.Context, do func(ctx context.Context) error) error {
	c.mu.Lock()
	broken := c.broken
	c.mu.Unlock()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(broken, cancel)()
	err := do(inner)
	if err != nil && broken.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", nats.ErrDisconnected, err)
	}
	return err
}

// redacted is a URL without user, password and token.
func redacted(address string) string {
	parts := strings.Split(address, ",")
	for i, part := range parts {
		if scheme, rest, ok := strings.Cut(part, "://"); ok {
			parts[i] = scheme + "://" + rest[strings.LastIndex(rest, "@")+1:]
		} else {
			parts[i] = part[strings.LastIndex(part, "@")+1:]
		}
	}
	return strings.Join(parts, ",")
}

// persist tries something until it succeeds, fails for a reason that will not pass, or ctx is done. Meanwhile the broker may be gone and come
// back. What was said to a broker that then went away is never answered, so each try has its own time.
func persist(ctx context.Context, t Timing, try func(ctx context.Context) error) error {
	begun, told := time.Now(), false
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, t.Pause) {
		one, cancel := context.WithTimeout(ctx, t.Pull)
		err := try(one)
		cancel()
		if err == nil || ctx.Err() != nil || !passing(err) {
			return err
		}
		if !told && time.Since(begun) > t.Doubt {
			told = true
			t.log.Warn("trying again and again", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// passing tells whether an error is of a broker that is away, or starts.
func passing(err error) bool {
	if bad := (*badinput.Error)(nil); errors.As(err, &bad) {
		return false
	}
	var api jetstream.JetStreamError
	if errors.As(err, &api) && api.APIError() != nil {
		return api.APIError().Code >= 500 && !errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount)
	}
	for _, e := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, nats.ErrNoServers,
		jetstream.ErrNoStreamResponse, jetstream.ErrNoHeartbeat, jetstream.ErrServerShutdown, context.DeadlineExceeded,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return isNetwork(err)
}

// isNetwork tells whether an error is of the connection itself.
func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

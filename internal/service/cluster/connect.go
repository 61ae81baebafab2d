package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// Address is a broker with the credentials for it.
type Address struct {
	URL   string // nats://HOST:PORT or tls://HOST:PORT; several with commas
	Token string // empty: none
	CA    string // PEM file with the certificate that signed the broker's; empty: the system's
	Creds string // credentials file of a NATS user; empty: none
	Name  string // of this client, in the broker's monitoring

	Patience time.Duration // a broker that is silent that long counts as gone; 0: 15 s
}

// Connection is a connection to a broker. It reconnects by itself.
type Connection struct {
	name string // the URL without secrets
	away atomic.Bool
	nc   *nats.Conn
	js   jetstream.JetStream

	refused atomic.Int64 // times that the broker refused the token or user since it was last there

	mu         sync.Mutex
	broken     context.Context // done when the connection breaks, and then replaced
	markBroken context.CancelFunc
}

const (
	reconnectWait   = 500 * time.Millisecond // between two tries to reconnect
	defaultPatience = 15 * time.Second       // a stopped broker, or one without power, is silent and closes nothing
	pings           = 3                      // in that time
	writeTimeout    = 10 * time.Second       // of a message; other users of the connection wait meanwhile
	pingTimeout     = 2 * time.Second        // for a broker to answer before a job's data is removed from it
)

// ErrNoBroker means that the broker is not there at the moment.
var ErrNoBroker = errors.New("no broker answers")

// Connect connects to a broker. A wrong address gives a *badinput.Error, which wraps ErrNoBroker if nothing listens.
func Connect(a Address, log *slog.Logger) (*Connection, error) {
	c := &Connection{name: redacted(a.URL)}
	c.broken, c.markBroken = context.WithCancel(context.Background())
	for _, f := range []struct{ key, file string }{{"--tls-ca", a.CA}, {"--creds", a.Creds}} {
		if f.file == "" {
			continue
		}
		if _, err := os.ReadFile(f.file); err != nil {
			return nil, &badinput.Error{
				File: f.file, Key: f.key, Found: "a file that cannot be read", Expected: "a readable one", Cause: err,
			}
		}
	}
	for part := range strings.SplitSeq(a.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(part))
		if err != nil || u.Host == "" || (u.Scheme != "nats" && u.Scheme != "tls") { // err would show a password
			return nil, &badinput.Error{
				Key: "--nats", Found: fmt.Sprintf("%q", c.name),
				Expected: "nats://HOST:PORT or tls://HOST:PORT, several with commas",
			}
		}
	}
	var err error
	if c.nc, err = nats.Connect(a.URL, c.options(a, log)...); err != nil {
		return nil, c.explainConnect(err)
	}
	if c.js, err = jetstream.New(c.nc); err != nil {
		c.nc.Close()
		return nil, fmt.Errorf("using JetStream: %w", err)
	}
	return c, nil
}

func (c *Connection) options(a Address, log *slog.Logger) []nats.Option {
	options := []nats.Option{
		nats.Name(a.Name), nats.FlusherTimeout(writeTimeout),
		nats.PingInterval(cmp.Or(a.Patience, defaultPatience) / pings), nats.MaxPingsOutstanding(pings - 1),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectBufSize(-1), // sending fails at once
		nats.IgnoreAuthErrorAbort(), // else two refusals would close the connection for good
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			c.away.Store(true)
			c.breakRequests()
			if err != nil {
				log.Warn("the broker is gone; waiting for it", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			c.away.Store(false)
			log.Info("the broker is back", "address", nc.ConnectedUrlRedacted(), "refusals", c.refused.Swap(0))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if isRefusal(err) {
				c.noteRefusal(err, log)
				return
			}
			log.Debug("connection", "error", err)
		}),
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

// isRefusal reports whether the broker does not accept the token or user.
func isRefusal(err error) bool {
	return isAny(err, nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired)
}

// noteRefusal counts a refusal, and warns at the first, second, fourth and so on. The token may become right again: the
// broker was restarted with another one.
func (c *Connection) noteRefusal(err error, log *slog.Logger) {
	if n := c.refused.Add(1); n&(n-1) == 0 {
		log.Warn("the broker refuses the token or user; trying again and again", "refusals", n, "error", err)
	}
}

// explainConnect says in a *badinput.Error why a connection failed.
func (c *Connection) explainConnect(err error) error {
	bad := &badinput.Error{
		File: c.name, Key: "--nats", Found: "a broker that refuses connections", Expected: "one that accepts them",
		Cause: err,
	}
	isTLS := strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "x509: ")
	switch {
	case isRefusal(err):
		bad.Found, bad.Remedy = "a broker that requires another token or user",
			"give --token-file, PTYX_TOKEN or --creds"
	case isTLS || isAny(err, nats.ErrSecureConnRequired, nats.ErrSecureConnWanted):
		bad.Found, bad.Remedy = "no agreement about TLS", "see tls:// and --tls-ca"
	case isNetwork(err) || isAny(err, nats.ErrNoServers, nats.ErrTimeout):
		bad.Found, bad.Expected, bad.Remedy = "nobody there", "a broker", "start one: ptyx broker, or nats-server -js"
		bad.Cause = fmt.Errorf("%w: %w", ErrNoBroker, err)
	}
	return bad
}

// ready returns nil if the broker was there last. It does not ask the client, whose state is locked while it
// reconnects.
func (c *Connection) ready() error {
	if c.away.Load() {
		if n := c.refused.Load(); n > 0 {
			return fmt.Errorf("%s: %w: it refused the token or user %d times", c.name, ErrNoBroker, n)
		}
		return fmt.Errorf("%s: %w", c.name, ErrNoBroker)
	}
	return nil
}

// ping returns nil if the broker answers at once.
func (c *Connection) ping(ctx context.Context) error {
	if err := c.ready(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := c.nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("%s: %w (%w)", c.name, ErrNoBroker, err)
	}
	return nil
}

// Close ends the connection.
func (c *Connection) Close() {
	c.nc.Close()
	c.breakRequests()
}

// breakRequests ends all whileConnected calls.
func (c *Connection) breakRequests() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.markBroken()
	c.broken, c.markBroken = context.WithCancel(context.Background())
}

// whileConnected does something that takes time. If the connection breaks, the broker will never answer: it ends do and
// returns nats.ErrDisconnected.
func (c *Connection) whileConnected(ctx context.Context, do func(ctx context.Context) error) error {
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

// fetch requests up to most messages and handles each as it arrives. It returns when it has them all, after wait, or
// when handle or the connection fails.
func (s streams) fetch(ctx context.Context, c jetstream.Consumer, most int, wait time.Duration,
	handle func(jetstream.Msg) error) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return s.connection.whileConnected(ctx, func(ctx context.Context) error {
		batch, err := c.Fetch(most, jetstream.FetchContext(ctx))
		if err != nil {
			return err
		}
		for msg := range batch.Messages() {
			if err := handle(msg); err != nil {
				return err
			}
		}
		if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return nil
	})
}

// redacted removes user, password and token from URLs.
func redacted(address string) string {
	parts := strings.Split(address, ",")
	for k, part := range parts {
		scheme, host := "", part
		if i := strings.Index(part, "://"); i >= 0 {
			scheme, host = part[:i+3], part[i+3:]
		}
		parts[k] = scheme + host[strings.LastIndex(host, "@")+1:]
	}
	return strings.Join(parts, ",")
}

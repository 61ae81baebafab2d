package listen

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"ptyx/internal/base/badinput"
)

// certificate is a TLS certificate with its key. It is read again when its files change, as they do when it is renewed.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu    sync.Mutex
	pair  tls.Certificate
	state [2]fileState // of the files when they were last read, whether or not that succeeded
}

// fileState tells one content of a file from the next.
type fileState struct {
	modified time.Time
	size     int64
}

// TLS loads the certificate, with those of its chain, and its key. Without files it returns nil. New connections use
// the files' newest valid content.
func (a Address) TLS() (*tls.Config, error) {
	const flags = "--tls-cert, --tls-key"
	if a.CertFile == "" && a.KeyFile == "" {
		return nil, nil
	}
	if a.CertFile == "" || a.KeyFile == "" {
		return nil, &badinput.Error{Key: flags, Found: "one of them", Expected: "both, or none"}
	}
	c := &certificate{certFile: a.CertFile, keyFile: a.KeyFile, log: a.Log}
	if _, err := c.refresh(); err != nil {
		return nil, &badinput.Error{
			File: a.CertFile, Key: flags, Found: "files that cannot be used",
			Expected: "a certificate and its key, PEM", Cause: err,
		}
	}
	config := &tls.Config{Certificates: []tls.Certificate{c.current()}, MinVersion: tls.VersionTLS12}
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		newest := config.Clone()
		newest.Certificates = []tls.Certificate{c.current()}
		return newest, nil
	}
	return config, nil
}

// current is the newest valid certificate. While the files are half written, it is the one before.
func (c *certificate) current() tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed, err := c.refresh()
	switch {
	case c.log == nil:
	case err != nil:
		c.log.Warn("the new TLS certificate cannot be used; keeping the old one", "file", c.certFile, "error", err)
	case changed:
		c.log.Info("read the TLS certificate again", "file", c.certFile)
	}
	return c.pair
}

// refresh reads the files if they have changed.
func (c *certificate) refresh() (changed bool, err error) {
	var state [2]fileState
	for i, path := range []string{c.certFile, c.keyFile} {
		info, failed := os.Stat(path)
		if err = errors.Join(err, failed); failed == nil {
			state[i] = fileState{info.ModTime(), info.Size()}
		}
	}
	if c.pair.Certificate != nil && state == c.state {
		return false, nil
	}
	c.state = state
	if err != nil {
		return false, err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return false, err
	}
	c.pair = pair
	return true, nil
}

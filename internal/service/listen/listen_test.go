package listen_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/testutil"
	"ptyx/internal/service/listen"
)

func TestHostPorts(t *testing.T) {
	for value, c := range map[string]struct {
		want  string // empty: refused
		local bool
	}{
		"127.0.0.1:8080": {"127.0.0.1:8080", true}, ":8080": {"127.0.0.1:8080", true}, ":0": {"127.0.0.1:0", true},
		"127.3.4.5:1": {"127.3.4.5:1", true},
		"[::1]:80":    {"[::1]:80", true}, "localhost:65535": {"localhost:65535", true},
		"0.0.0.0:80": {"0.0.0.0:80", false}, "[::]:80": {"[::]:80", false}, "node:80": {"node:80", false},
		"localhost.node:80": {"localhost.node:80", false},
		"192.0.2.1:80":      {"192.0.2.1:80", false},
		"":                  {}, "8080": {}, ":": {}, "host:": {}, "a:b:c": {}, ":-1": {}, ":65536": {}, ":http": {},
		"::1:80": {},
	} {
		p, err := listen.Parse("--listen", value)
		if c.want == "" {
			if fault := (*badinput.Error)(nil); !errors.As(err, &fault) || fault.Key != "--listen" ||
				!strings.Contains(err.Error(), "HOST:PORT") {
				t.Errorf("%q: %v, %v", value, p, err)
			}
		} else if err != nil || p.String() != c.want || p.Local() != c.local {
			t.Errorf("%q: %v, local %v, %v; want %+v", value, p, p.Local(), err, c)
		}
		if (listen.Address{Listen: value}).Local() != c.local {
			t.Errorf("%q: local %v", value, !c.local)
		}
	}
}

func TestOpen(t *testing.T) {
	l, err := listen.Address{}.Open(t.Context(), listen.HostPort{Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken, err := listen.Parse("--listen", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (listen.Address{Flag: "--live"}).Open(t.Context(), taken); err == nil ||
		!strings.HasPrefix(err.Error(), "--live: found "+taken.String()) {
		t.Errorf("a port that is taken: %v", err)
	}
}

// TestWarn: a server that other machines reach without a token says so.
func TestWarn(t *testing.T) {
	for _, c := range []struct {
		at, token string
		warns     bool
	}{
		{"0.0.0.0:80", "", true}, {"node:80", "", true}, {"0.0.0.0:80", "t", false}, {"127.0.0.1:80", "", false},
		{":80", "", false},
	} {
		var text strings.Builder
		log := slog.New(slog.NewTextHandler(&text, nil))
		listen.Address{Listen: c.at}.Warn(log, c.token, "use it", "set a token")
		if strings.Contains(text.String(), "anyone on the network may use it: set a token") != c.warns {
			t.Errorf("%+v: logged %q", c, text.String())
		}
	}
}

func TestTLS(t *testing.T) {
	cert, key := testutil.Certificate(t)
	if config, err := (listen.Address{CertFile: cert, KeyFile: key}).TLS(); err != nil ||
		len(config.Certificates) != 1 || config.MinVersion < tls.VersionTLS12 {
		t.Errorf("%+v, %v", config, err)
	}
	if config, err := (listen.Address{}).TLS(); config != nil || err != nil {
		t.Errorf("nothing: %v, %v", config, err)
	}
	for _, c := range []struct{ cert, key, says string }{
		{cert, "", "both, or none"}, {"", key, "both, or none"}, {key, cert, "cannot be used"},
		{filepath.Join(t.TempDir(), "none"), key, "no such file"},
	} {
		_, err := (listen.Address{CertFile: c.cert, KeyFile: c.key}).TLS()
		if fault := (*badinput.Error)(nil); !errors.As(err, &fault) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestRenewedCertificate: new connections get the certificate that the files hold now. A half-written pair changes
// nothing, and is logged once.
func TestRenewedCertificate(t *testing.T) {
	cert, key := testutil.Certificate(t)
	var text strings.Builder
	a := listen.Address{CertFile: cert, KeyFile: key, Log: slog.New(slog.NewTextHandler(&text, nil))}
	config, err := a.TLS()
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := func() []byte {
		t.Helper()
		accepted := make(chan error, 1)
		go func() {
			c, err := l.Accept()
			if err == nil {
				err = errors.Join(c.(*tls.Conn).Handshake(), c.Close())
			}
			accepted <- err
		}()
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := <-accepted; err != nil {
			t.Fatal(err)
		}
		return c.ConnectionState().PeerCertificates[0].Raw
	}
	replace := func(path, by string) {
		t.Helper()
		data, err := os.ReadFile(by)
		if err := errors.Join(err, os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
		later := time.Now().Add(time.Minute) // a file system may count in seconds
		if err := os.Chtimes(path, later, later); err != nil {
			t.Fatal(err)
		}
	}
	first := served()
	newCert, newKey := testutil.Certificate(t)
	replace(cert, newCert)
	for range 2 {
		if !bytes.Equal(served(), first) {
			t.Error("with half of the new pair, it is not the old certificate")
		}
	}
	if n := strings.Count(text.String(), "keeping the old one"); n != 1 {
		t.Errorf("%d warnings: %s", n, text.String())
	}
	replace(key, newKey)
	if bytes.Equal(served(), first) {
		t.Error("the certificate was renewed, and the old one is served")
	}
}

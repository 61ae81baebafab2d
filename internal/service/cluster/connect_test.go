package cluster

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/testutil"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/service/listen"
)

// TestAccess: beyond this machine a broker requires TLS and a token, or --insecure.
func TestAccess(t *testing.T) {
	t.Parallel()
	cert, key := testutil.Certificate(t)
	for name, c := range map[string]struct {
		options BrokerOptions
		refused string // part of the complaint; empty: taken
	}{
		"this machine":             {BrokerOptions{Address: listen.Address{Listen: "127.0.0.1:0"}}, ""},
		"this machine, by name":    {BrokerOptions{Address: listen.Address{Listen: "localhost:0"}}, ""},
		"this machine, by default": {BrokerOptions{Address: listen.Address{Listen: ":0"}}, ""},
		"this machine, IPv6":       {BrokerOptions{Address: listen.Address{Listen: "[::1]:0"}}, ""},
		"all, insecure":            {BrokerOptions{Address: listen.Address{Listen: "0.0.0.0:0", Insecure: true}}, ""},
		"all, TLS and token": {BrokerOptions{Address: listen.Address{Listen: "0.0.0.0:0", CertFile: cert,
			KeyFile: key}, Token: "t"}, ""},
		"all": {BrokerOptions{Address: listen.Address{Listen: "0.0.0.0:0"}}, "read along"},
		"all, TLS": {BrokerOptions{Address: listen.Address{Listen: "0.0.0.0:0", CertFile: cert,
			KeyFile: key}}, "a token"},
		"all, token": {BrokerOptions{Address: listen.Address{Listen: "0.0.0.0:0"}, Token: "t"},
			"--tls-cert"},
		"all, IPv6":    {BrokerOptions{Address: listen.Address{Listen: "[::]:0"}}, "read along"},
		"another name": {BrokerOptions{Address: listen.Address{Listen: "hub:0"}}, "read along"},
		"no port":      {BrokerOptions{Address: listen.Address{Listen: "127.0.0.1"}}, "HOST:PORT"},
		"a large port": {BrokerOptions{Address: listen.Address{Listen: "127.0.0.1:70000"}}, "HOST:PORT"},
		"half a certificate": {BrokerOptions{Address: listen.Address{Listen: "127.0.0.1:0", CertFile: cert}},
			"both, or none"},
		"no certificate": {BrokerOptions{Address: listen.Address{Listen: "127.0.0.1:0", CertFile: key,
			KeyFile: cert}}, "cannot be used"},
		"a negative store": {BrokerOptions{Address: listen.Address{Listen: "127.0.0.1:0"}, MaxStore: -1},
			"--max-store"},
	} {
		c.options.Store = t.TempDir()
		_, err := c.options.server()
		bad := (*badinput.Error)(nil)
		if c.refused == "" && err != nil || c.refused != "" &&
			(!errors.As(err, &bad) || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBrokerStartErrors: a broker that cannot start says why.
func TestBrokerStartErrors(t *testing.T) {
	t.Parallel()
	b := broker(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]BrokerOptions{
		"a port in use": {Address: listen.Address{Listen: strings.TrimPrefix(b.URL, "nats://")}, Store: t.TempDir()},
		"a file":        {Address: listen.Address{Listen: "127.0.0.1:0"}, Store: file},
		"no directory":  {Address: listen.Address{Listen: "127.0.0.1:0"}},
	} {
		_, err := StartBroker(o, slog.New(slog.DiscardHandler))
		if bad := (*badinput.Error)(nil); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSecrets: a job works through TLS with a token. Wrong credentials give an error that shows no secret.
func TestSecrets(t *testing.T) {
	t.Parallel()
	cert, key := testutil.Certificate(t)
	b, err := StartBroker(BrokerOptions{Address: listen.Address{Listen: "127.0.0.1:0", CertFile: cert, KeyFile: key},
		Store: t.TempDir(), Token: "s3cret"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if !strings.HasPrefix(b.URL, "tls://") {
		t.Errorf("it is at %s", b.URL)
	}
	plain := broker(t)
	for name, c := range map[string]struct {
		address Address
		want    string
	}{
		"no token":      {Address{URL: b.URL, CA: cert}, "another token"},
		"another token": {Address{URL: b.URL, CA: cert, Token: "secreT"}, "another token"},
		"unknown CA":    {Address{URL: b.URL, Token: "s3cret"}, "TLS"},
		"no such CA":    {Address{URL: b.URL, Token: "s3cret", CA: cert + "x"}, "--tls-ca"},
		"no such creds": {Address{URL: b.URL, Creds: cert + "x"}, "--creds"},
		"no TLS there":  {Address{URL: strings.Replace(plain.URL, "nats:", "tls:", 1), CA: cert}, "TLS"},
		"nobody there":  {Address{URL: "nats://user:secreT@" + freePort(t)}, "nobody there"},
		"no URL":        {Address{URL: "://secreT@x"}, "nats://HOST:PORT"},
		"HTTP":          {Address{URL: "ws://user:secreT@x:1"}, "nats://HOST:PORT"},
		"nothing":       {Address{}, "nats://HOST:PORT"},
	} {
		_, err := Connect(c.address, slog.New(slog.DiscardHandler))
		bad := (*badinput.Error)(nil)
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secreT") ||
			strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
		// A worker waits for who is not there, and for nothing else.
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err = Work(ctx, c.address, (&fake{}).worker())
		if waits := name == "nobody there"; (err == nil) != waits {
			t.Errorf("a worker, %s: %v", name, err)
		}
		cancel()
	}

	address := Address{URL: b.URL, CA: cert, Token: "s3cret"}
	connection, err := Connect(address, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(connection.Close)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := Work(ctx, address, (&fake{n: size, channels: 1}).worker())
		ended <- err
	}()
	newTestJob(t, 41, size, 1, 6, reconstruct.Options{BatchSize: 2}).gather(t, connection, 4)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestWithoutJetStream: a NATS server without JetStream is refused.
func TestWithoutJetStream(t *testing.T) {
	t.Parallel()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	c := connected(t, s.ClientURL())
	w := testJob{scan: scanOf(t, 1, size, 4), model: model(size, 1), file: []byte("model"),
		opt: reconstruct.Options{BatchSize: 1}}
	_, _, gathering := w.try(t.Context(), t, c, 1)
	_, working := Work(t.Context(), Address{URL: s.ClientURL()}, (&fake{n: size, channels: 1}).worker())
	for _, err := range []error{gathering, working} {
		if bad := (*badinput.Error)(nil); !errors.As(err, &bad) || !strings.Contains(err.Error(), "-js") {
			t.Errorf("without JetStream: %v", err)
		}
	}
}

// TestFullBroker: a job waits for a broker without room, says so, and continues when there is room.
func TestFullBroker(t *testing.T) {
	t.Parallel()
	store, address := t.TempDir(), freePort(t)
	full, err := StartBroker(BrokerOptions{Address: listen.Address{Listen: address}, Store: store, MaxStore: 1 << 19},
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w := newTestJob(t, 43, size, 1, 60, reconstruct.Options{BatchSize: 4})
	f := &fake{n: size, channels: 1}
	start(t, full.URL, f.worker())
	c := connected(t, full.URL)
	job := w.job(t, c)
	var log syncBuffer
	done := make(chan error, 1)
	var result *reconstruct.Result
	go func() {
		var err error
		result, _, err = Gather(context.Background(), c, job,
			GatherOptions{InFlight: 64, Timing: quick, Log: slog.New(slog.NewTextHandler(&log, nil))})
		done <- err
	}()
	eventually(t, "it says that there is no room",
		func() bool { return strings.Contains(log.String(), "trying again") })
	full.Close()
	roomy := brokerAt(t, store, address)
	t.Cleanup(roomy.Close)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encoded(t, result), w.want) {
		t.Error("the object has other bytes than that of one machine")
	}
}

// TestRefusedForAWhile: a broker that is restarted with another token refuses its clients. They keep trying, count it,
// say so, and work again when the broker has their token again.
func TestRefusedForAWhile(t *testing.T) {
	t.Parallel()
	store, address := t.TempDir(), freePort(t)
	right := brokerWithToken(t, store, address, "right")
	var log syncBuffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	o := (&fake{n: size, channels: 1}).worker()
	ready := make(chan bool)
	o.Log, o.Ready = logger, func(string) error { close(ready); return nil }
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	at := Address{URL: right.URL, Token: "right"}
	go func() { _, err := Work(ctx, at, o); ended <- err }()
	c, err := Connect(at, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	<-ready
	right.Close()

	wrong := brokerWithToken(t, store, address, "wrong")
	eventually(t, "the connection is refused more than twice", func() bool { return c.refused.Load() > 2 })
	if err := c.ready(); !errors.Is(err, ErrNoBroker) || !strings.Contains(err.Error(), "refused the token") {
		t.Errorf("while it is refused: %v", err)
	}
	eventually(t, "the worker says so twice", func() bool {
		return strings.Count(log.String(), "refuses the token or user") >= 2
	})
	if strings.Contains(log.String(), "right") {
		t.Errorf("it shows its token: %s", log.String())
	}
	wrong.Close()

	again := brokerWithToken(t, store, address, "right")
	t.Cleanup(again.Close)
	eventually(t, "the broker is back", func() bool { return c.ready() == nil })
	if n := c.refused.Load(); n != 0 {
		t.Errorf("it is back, with %d refusals", n)
	}
	newTestJob(t, 47, size, 1, 6, reconstruct.Options{BatchSize: 2}).gather(t, c, 4)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

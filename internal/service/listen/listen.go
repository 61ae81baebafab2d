// Package listen says where a server of ptyx listens, and who reaches it there: the answers of serve, the broker of cluster and the page of
// live. Its noun is the Place, an address as a user writes it, which without a host is of this machine alone. It stands beside badinput,
// whose Error each fault is.
package listen

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"

	"ptyx/internal/base/badinput"
)

// Place is where to listen.
type Place struct {
	Host string
	Port int // 0: any that is free
}

// Parse reads HOST:PORT; without a host it is this machine alone. flag names it in complaints.
func Parse(flag, value string) (Place, error) {
	host, text, err := net.SplitHostPort(value)
	port := 0
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 0 || port > 1<<16-1 {
		return Place{}, &badinput.Error{Key: flag, Found: fmt.Sprintf("%q", value), Expected: "HOST:PORT, or :PORT for this machine alone", Cause: err}
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return Place{Host: host, Port: port}, nil
}

func (p Place) String() string { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port)) }

// Local tells whether only this machine reaches the place.
func (p Place) Local() bool {
	ip := net.ParseIP(p.Host)
	return p.Host == "localhost" || ip != nil && ip.IsLoopback()
}

// Local tells whether only this machine reaches what a user has written.
func Local(value string) bool {
	p, err := Parse("", value)
	return err == nil && p.Local()
}

// Exposed is the complaint that other machines reach the place, and what they can do there.
func (p Place) Exposed(flag, danger, remedy string) error {
	return &badinput.Error{
		Key: flag, Found: fmt.Sprintf("%s, where other machines can %s", p, danger),
		Expected: fmt.Sprintf("an address of this machine alone, such as 127.0.0.1:%d", p.Port), Remedy: remedy,
	}
}

// Open listens.
func (p Place) Open(ctx context.Context, flag string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.String())
	if err != nil {
		return nil, &badinput.Error{
			Key: flag, Found: fmt.Sprintf("%s, where nothing can listen", p), Cause: err,
			Remedy: "give another port, 0 for any that is free, or end what listens there",
		}
	}
	return l, nil
}

// TLS is for a certificate with those of its chain and its key, PEM files; nil where neither is given.
func TLS(certFile, keyFile string) (*tls.Config, error) {
	const flags = "--tls-cert, --tls-key"
	switch {
	case certFile == "" && keyFile == "":
		return nil, nil
	case certFile == "" || keyFile == "":
		return nil, &badinput.Error{Key: flags, Found: "one of them", Expected: "both, or none"}
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, &badinput.Error{File: certFile, Key: flags, Found: "files that cannot be used", Expected: "a certificate and its key, PEM", Cause: err}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// Package listen opens the addresses at which ptyx serves: those of serve, of the broker in cluster and of the page in
// live. An [Address] is what the user gave: host, port, certificate. A [HostPort] is the parsed place. Every fault is a
// *badinput.Error.
package listen

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"

	"ptyx/internal/base/badinput"
)

// Flag is the flag of an Address, as errors name it.
const Flag = "--listen"

// Address is where a server listens and how it protects its clients, as the user gave it.
type Address struct {
	Listen            string // HOST:PORT; without a host, and for localhost, only this machine can connect
	CertFile, KeyFile string // PEM; both or none
	Insecure          bool   // other machines may connect without protection
}

// HostPort is a parsed address.
type HostPort struct {
	Host string
	Port int // 0: any free port
}

// Check parses the address. It refuses one that other machines can reach, unless it is secured or Insecure. danger says
// what those machines could do, remedy how to prevent it.
func (a Address) Check(secured bool, danger, remedy string) (HostPort, error) {
	p, err := Parse(Flag, a.Listen)
	if err != nil || p.Local() || secured || a.Insecure {
		return p, err
	}
	return p, &badinput.Error{
		Key: Flag, Found: fmt.Sprintf("%s, where other machines can %s", p, danger),
		Expected: fmt.Sprintf("an address of this machine alone, such as 127.0.0.1:%d", p.Port),
		Remedy:   "give " + remedy + ", or --insecure if you trust the network",
	}
}

// Local reports whether only this machine can connect.
func (a Address) Local() bool {
	p, err := Parse(Flag, a.Listen)
	return err == nil && p.Local()
}

// TLS loads the certificate, with those of its chain, and its key. Without files it returns nil.
func (a Address) TLS() (*tls.Config, error) {
	const flags = "--tls-cert, --tls-key"
	if a.CertFile == "" && a.KeyFile == "" {
		return nil, nil
	}
	if a.CertFile == "" || a.KeyFile == "" {
		return nil, &badinput.Error{Key: flags, Found: "one of them", Expected: "both, or none"}
	}
	pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile)
	if err != nil {
		return nil, &badinput.Error{
			File: a.CertFile, Key: flags, Found: "files that cannot be used",
			Expected: "a certificate and its key, PEM", Cause: err,
		}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// Parse reads HOST:PORT; the host defaults to 127.0.0.1. flag is named in errors.
func Parse(flag, value string) (HostPort, error) {
	host, text, err := net.SplitHostPort(value)
	port := 0
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 0 || port > 1<<16-1 {
		return HostPort{}, &badinput.Error{
			Key: flag, Found: strconv.Quote(value), Expected: "HOST:PORT, or :PORT for this machine alone", Cause: err,
		}
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return HostPort{Host: host, Port: port}, nil
}

func (p HostPort) String() string { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port)) }

// Local reports whether only this machine can connect.
func (p HostPort) Local() bool {
	ip := net.ParseIP(p.Host)
	return p.Host == "localhost" || ip != nil && ip.IsLoopback()
}

// Open starts to listen.
func (p HostPort) Open(ctx context.Context, flag string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.String())
	if err != nil {
		return nil, &badinput.Error{
			Key: flag, Found: fmt.Sprintf("%s, where nothing can listen", p), Cause: err,
			Remedy: "give another port, 0 for any free one, or stop the program that listens there",
		}
	}
	return l, nil
}

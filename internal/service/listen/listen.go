// Package listen opens the addresses at which ptyx serves: those of serve, of the broker in cluster and of the page in
// live. All of them follow one rule: [Address.Check] says who may connect, [Address.Warn] what that exposes, and
// [IsRebinding] which names clients may use. An [Address] is what the user gave: host, port, certificate. A [HostPort]
// is the parsed place. Every fault is a *badinput.Error.
package listen

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"ptyx/internal/base/badinput"
)

// flagOfServers is the flag of most addresses.
const flagOfServers = "--listen"

// Address is where a server listens and how it protects its clients, as the user gave it.
type Address struct {
	Flag              string       // that gave it, as errors name it; empty: --listen
	Listen            string       // HOST:PORT; without a host, and for localhost, only this machine can connect
	CertFile, KeyFile string       // PEM; both or none
	Insecure          bool         // other machines may connect without protection
	Log               *slog.Logger // of certificates that are read again; nil: none
}

// HostPort is a parsed address.
type HostPort struct {
	Host string
	Port int // 0: any free port
}

// Check parses the address. It refuses one that other machines can reach, unless it is secured or Insecure. danger says
// what those machines could do, remedy how to prevent it, if there is a way.
func (a Address) Check(secured bool, danger, remedy string) (HostPort, error) {
	p, err := Parse(a.flag(), a.Listen)
	if err != nil || p.Local() || secured || a.Insecure {
		return p, err
	}
	if remedy != "" {
		remedy += ", or "
	}
	return p, &badinput.Error{
		Key: a.flag(), Found: fmt.Sprintf("%s, where other machines can %s", p, danger),
		Expected: fmt.Sprintf("an address of this machine alone, such as 127.0.0.1:%d", p.Port),
		Remedy:   "give " + remedy + "--insecure if you trust the network",
	}
}

// Warn logs what other machines can do without a token, and how to prevent it, unless only this machine can connect.
func (a Address) Warn(log *slog.Logger, token, danger, remedy string) {
	if token == "" && !a.Local() {
		log.Warn("anyone on the network may "+danger+": "+remedy, "address", a.Listen)
	}
}

// Open starts to listen at p, which Check returned.
func (a Address) Open(ctx context.Context, p HostPort) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.String())
	if err != nil {
		return nil, &badinput.Error{
			Key: a.flag(), Found: fmt.Sprintf("%s, where nothing can listen", p), Cause: err,
			Remedy: "give another port, 0 for any free one, or stop the program that listens there",
		}
	}
	return l, nil
}

func (a Address) flag() string { return cmp.Or(a.Flag, flagOfServers) }

// Local reports whether only this machine can connect.
func (a Address) Local() bool {
	p, err := Parse(a.flag(), a.Listen)
	return err == nil && p.Local()
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

package listen

import (
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
)

// IsRebinding detects DNS rebinding: a web page whose name was made to resolve to this machine, so that the browser
// lets it read this machine's servers. It reports whether a request names a host that this machine is not known by.
// name is the host that the server listens at.
//
// A request to a loopback address may name localhost or a loopback address. One to another address may also name any
// IP address, because a page of that origin can only come from here, the machine's own name, and name.
func IsRebinding(r *http.Request, name string) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || r.Host == "" {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	if strings.EqualFold(host, "localhost") || ip != nil && (ip.IsLoopback() || !local.IP.IsLoopback()) {
		return false
	}
	return local.IP.IsLoopback() || r.TLS == nil && !isOwnName(host, name)
}

// isOwnName reports whether host is name or the machine's own name, with or without a domain.
func isOwnName(host, name string) bool {
	machine, _ := os.Hostname() // without one, it has no name
	short, _, _ := strings.Cut(machine, ".")
	host = strings.TrimSuffix(host, ".")
	return slices.ContainsFunc([]string{name, machine, short, short + ".local"}, func(own string) bool {
		return own != "" && strings.EqualFold(own, host)
	})
}

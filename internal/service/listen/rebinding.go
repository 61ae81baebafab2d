package listen

import (
	"net"
	"net/http"
	"strings"
)

// IsRebinding detects DNS rebinding: a web page whose name was made to resolve to this machine, so that the browser
// lets it read local servers. It reports whether a request to a loopback address names a host other than this machine.
func IsRebinding(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() || r.Host == "" {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback())
}

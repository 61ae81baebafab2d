package listen

import (
	"net"
	"net/http"
	"strings"
)

// Rebound tells whether a request has come to this machine alone, under a name that is not its own: that of a page, then, which was made to
// mean this machine while a browser showed it, so that the page may ask here what it wants. Browsers believe both to be one site.
func Rebound(r *http.Request) bool {
	at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !at.IP.IsLoopback() || r.Host == "" {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback())
}

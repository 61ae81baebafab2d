package listen_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"ptyx/internal/service/listen"
)

func TestRebinding(t *testing.T) {
	here, there := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80},
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}
	for _, c := range []struct {
		at   net.Addr
		host string
		want bool
	}{
		{here, "127.0.0.1:80", false}, {here, "localhost:80", false}, {here, "LocalHost", false},
		{here, "[::1]:80", false}, {here, "[::1]", false}, {here, "", false},
		{here, "evil.example", true}, {here, "evil.example:80", true}, {here, "localhost.evil.example", true},
		{here, "192.0.2.1:80", true},
		{there, "node.example", false}, {nil, "node.example", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = c.host
		if c.at != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, c.at))
		}
		if got := listen.IsRebinding(r); got != c.want {
			t.Errorf("%q at %v: %v", c.host, c.at, got)
		}
	}
}

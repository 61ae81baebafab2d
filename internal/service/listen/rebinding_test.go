package listen_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"ptyx/internal/service/listen"
)

func TestRebinding(t *testing.T) {
	here, there := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80},
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   net.Addr
		host string
		want bool
	}{
		{here, "127.0.0.1:80", false}, {here, "localhost:80", false}, {here, "LocalHost", false},
		{here, "[::1]:80", false}, {here, "[::1]", false}, {here, "", false},
		{here, "evil.example", true}, {here, "evil.example:80", true}, {here, "localhost.evil.example", true},
		{here, "192.0.2.1:80", true},
		{there, "evil.example", true}, {there, "evil.example:80", true}, {there, "node.example.evil.example", true},
		{there, "192.0.2.1:80", false}, {there, "198.51.100.1", false}, {there, "[2001:db8::1]:80", false},
		{there, "localhost:80", false}, {there, "node.example", false}, {there, "Node.Example.:80", false},
		{there, machine + ":80", false}, {there, machine + ".local", false}, {there, "", false},
		{there, machine + ".evil.example", true},
		{nil, "evil.example", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = c.host
		if c.at != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, c.at))
		}
		if got := listen.IsRebinding(r, "node.example"); got != c.want {
			t.Errorf("%q at %v: %v", c.host, c.at, got)
		}
		r.TLS = &tls.ConnectionState{} // no browser accepts the certificate for another name
		if got := listen.IsRebinding(r, "node.example"); got != (c.want && c.at == here) {
			t.Errorf("%q at %v with TLS: %v", c.host, c.at, got)
		}
	}
}

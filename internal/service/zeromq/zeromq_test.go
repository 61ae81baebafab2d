package zeromq_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ptyx/internal/service/zeromq"
	"ptyx/internal/service/zeromq/zeromqtest"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T) *zeromqtest.Sender {
	t.Helper()
	s, err := zeromqtest.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestFollow receives messages of all sizes, and connects again when the connection breaks.
func TestFollow(t *testing.T) {
	s := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	got, ended := make(chan [][]byte), make(chan struct{})
	go func() {
		defer close(ended)
		zeromq.Follow(ctx, s.Address(), func() func([][]byte) {
			return func(parts [][]byte) { got <- parts }
		}, slog.New(slog.DiscardHandler))
	}()
	long := bytes.Repeat([]byte("0123456789abcdef"), 2<<20) // 32 MiB, more than is trusted at once
	for _, message := range [][][]byte{{[]byte("one")}, {nil}, {[]byte("a"), nil, long, []byte("d")}} {
		go func() {
			if err := s.Send(message...); err != nil {
				t.Error(err)
			}
		}()
		parts := <-got
		if !bytes.Equal(bytes.Join(parts, []byte("|")), bytes.Join(message, []byte("|"))) {
			t.Errorf("%d parts are not the %d that were sent", len(parts), len(message))
		}
	}
	s.Break()
	go func() { _ = s.Send([]byte("after the break")) }()
	if parts := <-got; string(parts[0]) != "after the break" {
		t.Errorf("got %q after the connection broke", parts)
	}
	cancel()
	<-ended
}

// answering is a server that sends bytes to the first connection, and returns its address.
func answering(t *testing.T, wire []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write(wire)
		_ = conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	}()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return "tcp://" + l.Addr().String()
}

// greeting is that of a sender: mechanism and READY with a kind of socket.
func greeting(version byte, mechanism, kind string) []byte {
	g := make([]byte, 64)
	g[0], g[9], g[10] = 0xff, 0x7f, version
	copy(g[12:], mechanism)
	ready := "\x05READY\x08Identity\x00\x00\x00\x00\x0bSocket-Type\x00\x00\x00" + string(rune(len(kind))) + kind
	return append(append(g, 4, byte(len(ready))), ready...)
}

// TestOtherSenders: what is no sender for ptyx is refused by a sentence that says why.
func TestOtherSenders(t *testing.T) {
	huge := binary.BigEndian.AppendUint64([]byte{2}, 1<<62)
	for _, tt := range []struct {
		name, want string
		wire       []byte
	}{
		{"HTTP", "does not speak ZeroMQ", []byte("HTTP/1.1 400 Bad Request\r\n\r\n" + strings.Repeat(" ", 64))},
		{"version 2", "does not speak ZeroMQ", greeting(1, "NULL", "PUSH")},
		{"CURVE", `"CURVE"`, greeting(3, "CURVE", "PUSH")},
		{"REP", `of the kind "REP"`, greeting(3, "NULL", "REP")},
		{"a huge length", "more than", append(greeting(3, "NULL", "PUSH"), huge...)},
		{"an unknown flag", "does not speak", append(greeting(3, "NULL", "PUSH"), 0xf0, 0)},
		{"nothing", "EOF", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := zeromq.Dial(t.Context(), answering(t, tt.wire))
			if err == nil {
				_, err = conn.Receive()
				_ = conn.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

// TestFollowReportsOnce a sender that accepts each connection and closes it.
func TestFollowReportsOnce(t *testing.T) {
	var connections atomic.Int32
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = zeromqtest.Greet(conn, "PUSH")
			_ = conn.Close()
			connections.Add(1)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var log bytes.Buffer
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		zeromq.Follow(ctx, "tcp://"+listener.Addr().String(), func() func([][]byte) {
			return func([][]byte) {}
		}, slog.New(slog.NewTextHandler(&log, nil)))
	}()
	for connections.Load() < 4 && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	<-ended
	for _, what := range []string{"connected to the sender", "the connection to the sender is lost"} {
		if lines := strings.Count(log.String(), what); connections.Load() < 4 || lines != 1 {
			t.Errorf("%d lines about %d connections: %s", lines, connections.Load(), &log)
		}
	}
}

// TestPubAndPing: a PUB socket gets a subscription, and a PING its PONG.
func TestPubAndPing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	answers := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = zeromqtest.Greet(conn, "PUB")
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = conn.Write([]byte("\x04\x0b\x04PING\x00\x64ctxt"))
		_, _ = conn.Write(zeromqtest.Frames([]byte("frame")))
		answer := make([]byte, len("\x00\x01\x01\x04\x09\x04PONGctxt"))
		_, _ = io.ReadFull(conn, answer)
		answers <- string(answer)
	}()
	conn, err := zeromq.Dial(t.Context(), "tcp://"+l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if parts, err := conn.Receive(); err != nil || string(parts[0]) != "frame" {
		t.Errorf("received %q, %v", parts, err)
	}
	if got := <-answers; got != "\x00\x01\x01\x04\x09\x04PONGctxt" {
		t.Errorf("the sender got %q", got)
	}
}

// FuzzReceive feeds a connection with anything behind a greeting: it fails, or gives messages within the limits.
func FuzzReceive(f *testing.F) {
	f.Add(zeromqtest.Frames([]byte("a"), []byte("b")))
	f.Add([]byte("\x04\x0b\x04PING\x00\x64ctxt\x00\x01a"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		conn, err := zeromq.Dial(t.Context(), answering(t, append(greeting(3, "NULL", "PUSH"), wire...)))
		if err != nil {
			t.Skip(err) // out of ports
		}
		defer conn.Close()
		for {
			parts, err := conn.Receive()
			if err != nil {
				return
			}
			total := 0
			for _, part := range parts {
				total += len(part)
			}
			if total > len(wire) {
				t.Errorf("%d bytes became %d", len(wire), total)
			}
		}
	})
}

// TestCheckAddress refuses what cannot be connected to.
func TestCheckAddress(t *testing.T) {
	for address, fine := range map[string]bool{
		"tcp://detector:9999": true, "tcp://[::1]:9999": true, "tcp://detector": false, "tcp://*:9999": false,
		"tcp://detector:99999": false, "tcp://detector:0": false, "tcp://detector:http": false,
		"tcp://:9999": false, "udp://detector:9999": false, "detector:9999": false,
	} {
		if err := zeromq.CheckAddress(address); (err == nil) != fine {
			t.Errorf("%s: %v", address, err)
		}
	}
}

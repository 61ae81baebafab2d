// Package zeromqtest is a small ZeroMQ sender for tests and benchmarks: the PUSH end of package zeromq. Its tests
// against libzmq are in interop.
package zeromqtest

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
)

// Sender listens for receivers and sends each message to one of them, in turn.
type Sender struct {
	listener net.Listener
	wait     sync.WaitGroup

	mu    sync.Mutex
	ready *sync.Cond
	conns []net.Conn
	next  int
	done  bool
}

// Listen listens on a free port of the machine.
func Listen(ctx context.Context) (*Sender, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Sender{listener: l}
	s.ready = sync.NewCond(&s.mu)
	s.wait.Go(s.accept)
	return s, nil
}

// Address is where receivers connect.
func (s *Sender) Address() string { return "tcp://" + s.listener.Addr().String() }

// accept greets receivers until Close.
func (s *Sender) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		if err := Greet(conn, "PUSH"); err != nil {
			_ = conn.Close()
			continue
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.ready.Broadcast()
		s.mu.Unlock()
	}
}

// Greet is the handshake of a sender of the given kind.
func Greet(conn net.Conn, kind string) error {
	greeting := [64]byte{0: 0xff, 9: 0x7f, 10: 3}
	copy(greeting[12:], "NULL")
	if _, err := conn.Write(greeting[:]); err != nil {
		return err
	}
	ready := append([]byte("\x05READY\x0bSocket-Type\x00\x00\x00"), byte(len(kind)))
	ready = append(ready, kind...)
	if _, err := conn.Write(append([]byte{4, byte(len(ready))}, ready...)); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, greeting[:]); err != nil {
		return err
	}
	var header [2]byte
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, conn, int64(header[1]))
	return err
}

// Frames are the bytes of a message on the wire.
func Frames(parts ...[]byte) (wire []byte) {
	for i, part := range parts {
		flags := byte(2) // a long length
		if i < len(parts)-1 {
			flags |= 1
		}
		wire = append(binary.BigEndian.AppendUint64(append(wire, flags), uint64(len(part))), part...)
	}
	return wire
}

// errClosed is the error of a closed sender.
var errClosed = errors.New("the sender is closed")

// Wait waits until count receivers are connected.
func (s *Sender) Wait(count int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.conns) < count && !s.done {
		s.ready.Wait()
	}
	if s.done {
		return errClosed
	}
	return nil
}

// Send sends a message to the next receiver, and waits for one if there is none.
func (s *Sender) Send(parts ...[]byte) error {
	if err := s.Wait(1); err != nil {
		return err
	}
	s.mu.Lock()
	conn := s.conns[s.next%len(s.conns)]
	s.next++
	s.mu.Unlock()
	_, err := conn.Write(Frames(parts...))
	return err
}

// Break closes all connections, as a network does. Receivers connect again.
func (s *Sender) Break() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		_ = conn.Close()
	}
	s.conns = nil
}

// Close ends the sender.
func (s *Sender) Close() {
	_ = s.listener.Close()
	s.Break()
	s.mu.Lock()
	s.done = true
	s.ready.Broadcast()
	s.mu.Unlock()
	s.wait.Wait()
}

// Package zeromq receives messages from a ZeroMQ sender: it is the PULL end of a PUSH socket, or the SUB end of a PUB
// socket, over TCP without encryption. It stands between detectors and package watch.
//
// The protocol is ZMTP 3.0 (rfc.zeromq.org/spec/23). Lengths that a sender states are checked before memory is taken
// for them. Nothing is read ahead of the caller, so a caller that is slow makes the sender wait.
package zeromq

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"ptyx/internal/base/badinput"
)

// Limits of a message. The largest detectors have images of 64 MiB; a header has about ten parts.
const (
	mostBytes = 512 << 20 // of all parts together
	mostParts = 4096
)

// Scheme begins an address.
const Scheme = "tcp://"

// IsAddress reports whether text is an address, not a path.
func IsAddress(text string) bool { return strings.HasPrefix(text, Scheme) }

// CheckAddress refuses what is not tcp://HOST:PORT.
func CheckAddress(address string) error {
	host, port, err := net.SplitHostPort(strings.TrimPrefix(address, Scheme))
	if !IsAddress(address) || err != nil || host == "" || host == "*" || port == "" {
		return &badinput.Error{File: address, Found: "no address of a sender", Expected: "tcp://HOST:PORT"}
	}
	const most = 1<<16 - 1
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > most {
		return &badinput.Error{File: address, Found: "the port " + port, Expected: fmt.Sprintf("1 to %d", most)}
	}
	return nil
}

// errProtocol is the error for bytes that no ZeroMQ sender of version 3 or later sends.
var errProtocol = errors.New("the sender does not speak ZeroMQ 3 or later")

// Conn is a connection to a sender. One goroutine uses it; Close may be called from another.
type Conn struct {
	conn net.Conn
	in   *bufio.Reader
}

// Dial connects to a sender at tcp://HOST:PORT. A handshake of more than a few seconds is an error.
func Dial(ctx context.Context, address string) (*Conn, error) {
	const timeout = 5 * time.Second
	dialer := net.Dialer{Timeout: timeout}
	conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(address, Scheme))
	if err != nil {
		return nil, err
	}
	c := &Conn{conn, bufio.NewReaderSize(conn, 64<<10)}
	_ = conn.SetDeadline(time.Now().Add(timeout))
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = c.shakeHands()
	if !stop() {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetDeadline(time.Time{})
	return c, nil
}

// Close ends the connection and a Receive that waits.
func (c *Conn) Close() error { return c.conn.Close() }

// The bytes of a greeting: signature, version, mechanism and whether this end is a server; the rest is 0.
const (
	greetingSize = 64
	versionAt    = 10
	mechanismAt  = 12
	mechanismEnd = 32
)

// shakeHands exchanges greetings and the kinds of the sockets. The sender tells its kind first, so that this end can be
// the one that fits.
func (c *Conn) shakeHands() error {
	greeting := [greetingSize]byte{0: 0xff, 9: 0x7f, versionAt: 3}
	copy(greeting[mechanismAt:], "NULL")
	if _, err := c.conn.Write(greeting[:]); err != nil {
		return err
	}
	var theirs [greetingSize]byte
	if _, err := io.ReadFull(c.in, theirs[:versionAt+1]); err != nil {
		return err
	}
	if theirs[0] != 0xff || theirs[9]&1 == 0 || theirs[versionAt] < 3 {
		return errProtocol
	}
	if _, err := io.ReadFull(c.in, theirs[versionAt+1:]); err != nil {
		return err
	}
	if m := strings.TrimRight(string(theirs[mechanismAt:mechanismEnd]), "\x00"); m != "NULL" {
		return fmt.Errorf("the sender requires the security mechanism %q, and ptyx has none", m)
	}
	f, err := c.readFrame(maxCommand)
	if err != nil {
		return err
	}
	kind, err := socketType(f)
	if err != nil {
		return err
	}
	own, known := map[string]string{"PUSH": "PULL", "PUB": "SUB", "XPUB": "SUB"}[kind]
	if !known {
		return fmt.Errorf("the sender's socket is of the kind %q, neither PUSH nor PUB", kind)
	}
	if err := c.writeFrame(flagCommand, appendProperty([]byte("\x05READY"), "Socket-Type", own)); err != nil {
		return err
	}
	if own == "SUB" {
		return c.writeFrame(0, []byte{1}) // subscribes to all messages
	}
	return nil
}

// appendProperty writes a property of a READY command.
func appendProperty(to []byte, name, value string) []byte {
	to = append(append(to, byte(len(name))), name...)
	return append(binary.BigEndian.AppendUint32(to, uint32(len(value))), value...)
}

// socketType reads the kind of the sender's socket from its READY command.
func socketType(f frame) (string, error) {
	rest, ready := strings.CutPrefix(string(f.body), "\x05READY")
	if f.flags&flagCommand == 0 || !ready {
		return "", errProtocol
	}
	for len(rest) > 0 {
		n := int(rest[0])
		if len(rest) < 1+n+4 {
			return "", errProtocol
		}
		name := rest[1 : 1+n]
		size := binary.BigEndian.Uint32([]byte(rest[1+n : 1+n+4]))
		rest = rest[1+n+4:]
		if uint64(size) > uint64(len(rest)) {
			return "", errProtocol
		}
		if strings.EqualFold(name, "Socket-Type") {
			return rest[:size], nil
		}
		rest = rest[size:]
	}
	return "", errProtocol
}

// Receive returns the parts of the next message.
func (c *Conn) Receive() ([][]byte, error) {
	var parts [][]byte
	room := mostBytes
	for {
		f, err := c.readFrame(room)
		if err != nil {
			return nil, err
		}
		if f.flags&flagCommand != 0 {
			if err := c.answer(f.body); err != nil {
				return nil, err
			}
			continue
		}
		parts = append(parts, f.body)
		room -= len(f.body)
		switch {
		case f.flags&flagMore == 0:
			return parts, nil
		case len(parts) == mostParts:
			return nil, fmt.Errorf("a message of more than %d parts", mostParts)
		}
	}
}

// answer answers a PING, with which newer senders check that a receiver is alive.
func (c *Conn) answer(command []byte) error {
	const name, ttl = "\x04PING", 2
	if len(command) < len(name)+ttl || string(command[:len(name)]) != name {
		return nil
	}
	return c.writeFrame(flagCommand, append([]byte("\x04PONG"), command[len(name)+ttl:]...))
}

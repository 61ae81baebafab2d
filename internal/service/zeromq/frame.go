package zeromq

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Flags of a frame.
const (
	flagMore    = 1 // another part of the message follows
	flagLong    = 2 // the length has 8 bytes
	flagCommand = 4
)

// maxCommand is the longest command in bytes; READY of libzmq has about 40.
const maxCommand = 64 << 10

// frame is one part of a message, or a command.
type frame struct {
	flags byte
	body  []byte
}

// readFrame reads a frame of at most so many bytes.
func (c *Conn) readFrame(most int) (frame, error) {
	flags, err := c.in.ReadByte()
	if err != nil {
		return frame{}, err
	}
	if flags&^(flagMore|flagLong|flagCommand) != 0 {
		return frame{}, errProtocol
	}
	var length [8]byte
	size := length[7:]
	if flags&flagLong != 0 {
		size = length[:]
	}
	if _, err := io.ReadFull(c.in, size); err != nil {
		return frame{}, err
	}
	if flags&flagCommand != 0 {
		most = maxCommand
	}
	n := binary.BigEndian.Uint64(length[:])
	if n > uint64(most) {
		return frame{}, fmt.Errorf("a message of more than %d bytes", most)
	}
	body, err := readBody(c.in, int(n))
	return frame{flags, body}, err
}

// readBody reads n bytes. It takes memory as they arrive: a damaged length costs no more than the bytes behind it.
func readBody(from io.Reader, n int) ([]byte, error) {
	const trusted = 8 << 20
	body := make([]byte, min(n, trusted))
	for at := 0; ; {
		if _, err := io.ReadFull(from, body[at:]); err != nil {
			return nil, err
		}
		if len(body) == n {
			return body, nil
		}
		at = len(body)
		body = append(body, make([]byte, min(n-at, at))...)
	}
}

// writeFrame writes a short frame.
func (c *Conn) writeFrame(flags byte, body []byte) error {
	header := []byte{flags, byte(len(body))}
	if len(body) > 255 {
		header = binary.BigEndian.AppendUint64([]byte{flags | flagLong}, uint64(len(body)))
	}
	_, err := c.conn.Write(append(header, body...))
	return err
}

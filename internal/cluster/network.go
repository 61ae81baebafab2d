package cluster

import (
	"errors"
	"io"
	"net"
)

// isNetwork tells whether an error is of the connection itself.
func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

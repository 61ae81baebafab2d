//go:build !linux

package workflow

// maxrssUnit is the number of bytes that getrusage counts resident memory in.
const maxrssUnit = 1

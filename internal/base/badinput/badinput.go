// Package badinput holds the error about a user's file or flag: one sentence that names the file, the key, what was
// found, what was expected and the remedy. Commands print it and exit with status 1.
package badinput

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"unicode"
)

// Error is a fault in a file or flag of the user. The sentence omits empty fields.
type Error struct {
	File     string // path as the user typed it
	Key      string // array, attribute, flag or metadata key inside the file
	Found    string // "shape (516, 64, 65)"
	Expected string // "square patterns (M, N, N)"
	Remedy   string // "crop the detector to a square"
	Cause    error  // underlying error, if any
}

// Error is the sentence "FILE: KEY: found F, expected E (CAUSE); REMEDY" on one line, whatever the names and the cause
// hold.
func (e *Error) Error() string {
	var b strings.Builder
	for _, place := range []string{e.File, e.Key} {
		if place != "" {
			b.WriteString(place + ": ")
		}
	}
	b.WriteString("found " + e.Found)
	if e.Expected != "" {
		b.WriteString(", expected " + e.Expected)
	}
	if e.Cause != nil {
		b.WriteString(" (" + e.Cause.Error() + ")")
	}
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return oneLine(b.String())
}

// oneLine replaces line breaks with their indentation, and other control characters, by a space.
func oneLine(s string) string {
	if !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	parts := strings.FieldsFunc(s, unicode.IsControl)
	for i, part := range parts {
		parts[i] = strings.TrimSpace(part)
	}
	return strings.Join(parts, " ")
}

// Cause is the system's reason for a failed operation on a file, "no space left on device". It leaves out the path,
// which the sentence names already. Any other error stays as it is.
func Cause(err error) error {
	if fault := (*fs.PathError)(nil); errors.As(err, &fault) {
		return fault.Err
	}
	return err
}

// Open opens a file for reading and returns its size in bytes. Every error is an *Error; expected names the file's
// format.
func Open(path, expected string) (*os.File, int64, error) {
	if path == "" {
		return nil, 0, &Error{Found: "an empty file name", Expected: expected}
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, &Error{File: path, Found: "no such file", Expected: expected}
	}
	if err != nil {
		return nil, 0, &Error{File: path, Found: "a file that cannot be opened", Expected: expected, Cause: Cause(err)}
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		err = &Error{File: path, Found: "a file that cannot be read", Expected: expected, Cause: Cause(err)}
	case info.IsDir():
		err = &Error{File: path, Found: "a directory", Expected: expected}
	default:
		return f, info.Size(), nil
	}
	return nil, 0, errors.Join(err, f.Close())
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Package destination checks, before a command's work begins, that its results can be written, and writes them in one
// step. An hour of training must not be lost to a missing folder. A check leaves nothing behind. Every failed check is
// a *badinput.Error with the flag that named the place.
package destination

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"ptyx/internal/base/badinput"
)

// Dir checks that files can be written to the directory at path, which need not exist yet.
func Dir(flag, path string) error {
	fault := badinput.Error{File: path, Key: flag, Expected: "a directory"}
	if path == "" {
		fault.Found = "an empty name"
		return &fault
	}
	dir, info, err := existing(path)
	switch {
	case err != nil:
		return &badinput.Error{File: path, Key: flag, Found: "a directory that cannot be made",
			Cause: badinput.Cause(err)}
	case !info.IsDir():
		fault.Found, fault.Remedy = "a file at "+dir, "remove the file or give another directory"
		return &fault
	}
	return writable(flag, path, dir)
}

// File checks that a file can be written at path: its directory exists, and path is not a directory.
func File(flag, path string) error {
	fault := badinput.Error{File: path, Key: flag, Expected: "a file to write"}
	if path == "" {
		fault.Found = "an empty name"
		return &fault
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		fault.Found, fault.Remedy = "a directory", "give the name of a file in it"
		return &fault
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		fault.Found, fault.Expected = "no directory "+dir, "a file in a directory that exists"
		fault.Remedy = "make the directory first"
		return &fault
	case err != nil:
		return &badinput.Error{File: path, Key: flag, Found: "a file that cannot be written",
			Cause: badinput.Cause(err)}
	case !info.IsDir():
		fault.Found, fault.Expected = "a file at "+dir, "a file in a directory"
		return &fault
	}
	return writable(flag, path, dir)
}

// Room is the nearest existing directory above path, or path itself: a place for temporary files on the disk of the
// results.
func Room(path string) (string, error) {
	dir, _, err := existing(path)
	return dir, err
}

// existing is the nearest existing file or directory above path, or path itself.
func existing(path string) (string, fs.FileInfo, error) {
	for {
		info, err := os.Stat(path)
		if err == nil {
			return path, info, nil
		}
		above := filepath.Dir(path)
		absent := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) // ENOTDIR: below a file
		if !absent || above == path {
			return path, nil, err
		}
		path = above
	}
}

// writable makes a file in dir and removes it: permissions do not show that a file system is read-only.
func writable(flag, path, dir string) error {
	f, err := os.CreateTemp(dir, Prefix+"*")
	if err != nil {
		return &badinput.Error{File: path, Key: flag,
			Found: fmt.Sprintf("a directory %s that cannot be written to", dir), Expected: "one that can",
			Cause: badinput.Cause(err)}
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("checking that %s can be written: %w", dir, err)
	}
	return nil
}

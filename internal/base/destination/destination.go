// Package destination checks the places that a command is going to write to, before its work begins: what an hour of
// training has made must not be lost to a missing folder. It leaves nothing behind. It stands beside badinput, whose
// Error every fault is; the commands' jobs call it with the flag that named the place.
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

// Dir checks that files can be written to the directory at path, which may have to be made first.
func Dir(flag, path string) error {
	if path == "" {
		return &badinput.Error{Key: flag, Found: "an empty name", Expected: "a directory"}
	}
	dir, info, err := existing(path)
	switch {
	case err != nil:
		return &badinput.Error{File: path, Key: flag, Found: "a directory that cannot be made",
			Cause: badinput.Cause(err)}
	case !info.IsDir():
		return &badinput.Error{File: path, Key: flag, Found: fmt.Sprintf("a file at %s", dir), Expected: "a directory",
			Remedy: "remove the file or give another directory"}
	}
	return writable(flag, path, dir)
}

// File checks that a file can be written at path: its directory is there, and it is no directory itself.
func File(flag, path string) error {
	if path == "" {
		return &badinput.Error{Key: flag, Found: "an empty name", Expected: "a file to write"}
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return &badinput.Error{File: path, Key: flag, Found: "a directory", Expected: "a file to write",
			Remedy: "give the name of a file in it"}
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &badinput.Error{File: path, Key: flag, Found: fmt.Sprintf("no directory %s", dir),
			Expected: "a file in a directory that exists", Remedy: "make the directory first"}
	case err != nil:
		return &badinput.Error{File: path, Key: flag, Found: "a file that cannot be written",
			Cause: badinput.Cause(err)}
	case !info.IsDir():
		return &badinput.Error{File: path, Key: flag, Found: fmt.Sprintf("a file at %s", dir),
			Expected: "a file in a directory"}
	}
	return writable(flag, path, dir)
}

// Room is the nearest directory above path, or path itself, that is there: where files for a while can lie beside those
// to come.
func Room(path string) (string, error) {
	dir, _, err := existing(path)
	return dir, err
}

// existing is the nearest directory above path, or path itself, that is there.
func existing(path string) (string, fs.FileInfo, error) {
	for {
		info, err := os.Stat(path)
		if err == nil {
			return path, info, nil
		}
		above := filepath.Dir(path)
		if !absent(err) || above == path {
			return path, nil, err
		}
		path = above
	}
}

// absent tells whether nothing is at a path: not there, or below a file.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// writable makes a file in dir, and removes it: permissions alone do not tell of file systems that are read only.
func writable(flag, path, dir string) error {
	f, err := os.CreateTemp(dir, ".ptyx-*")
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

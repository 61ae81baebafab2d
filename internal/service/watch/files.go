package watch

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// IsFrameFile reports whether a path ends like a file of frames.
func IsFrameFile(path string) bool {
	return slices.Contains([]string{".npz", ".h5", ".hdf5", ".hdf", ".nxs", ".cxi"},
		strings.ToLower(filepath.Ext(path)))
}

// fileState distinguishes versions of a file.
type fileState struct {
	size     int64
	modified int64
}

func stateOf(info fs.FileInfo) fileState { return fileState{info.Size(), info.ModTime().UnixNano()} }

// file is a file that was seen. Its fields refer to its present version.
type file struct {
	path       string
	info       fs.FileInfo
	seen       time.Time // when this version was first seen
	checked    bool      // it was read once without a fault
	next       int       // the first frame that was not read
	window     int       // how many dark rows the next look skips in search of light; at least firstWindow
	done       bool      // all its frames were read
	fault      error
	faultSince time.Time
	broken     bool // it was given up, and that was logged
	rereading  bool // for frames that had no position
	remarked   bool // a skipped frame was logged
}

// settled reports whether the file has not changed for an interval.
func (f *file) settled(now time.Time, interval time.Duration) bool {
	return now.Sub(f.seen) >= interval
}

// changed reports whether there is a newer version.
func (f *file) changed() bool {
	info, err := os.Stat(f.path)
	return err != nil || stateOf(info) != stateOf(f.info)
}

// markDone notes that all frames were read.
func (f *file) markDone() { f.done, f.fault, f.broken = true, nil, false }

// failed notes a fault and reports whether to log that the file is given up: once, when it has been faulty for giveUp.
// Until then it is tried at each look.
func (f *file) failed(err error, now time.Time, giveUp time.Duration) bool {
	if f.fault == nil {
		f.faultSince = now
	}
	f.fault = err
	if now.Sub(f.faultSince) < giveUp {
		return false
	}
	f.done = true
	first := !f.broken
	f.broken = true
	return first
}

// files are the files in a directory, or a single file that grows.
type files struct {
	path      string
	single    bool
	positions string // a file in the directory that holds no frames; empty: none
	known     map[string]*file
}

func newFiles(path string, single bool, positions string) *files {
	return &files{path: path, single: single, positions: positions, known: map[string]*file{}}
}

// unsettled reports whether a file is not read because it is too new.
func (f *files) unsettled(now time.Time, interval time.Duration) bool {
	for _, one := range f.known {
		if !one.done && !one.settled(now, interval) {
			return true
		}
	}
	return false
}

// searching reports whether dark rows may hide rows with light in a file.
func (f *files) searching() bool {
	for _, one := range f.known {
		if !one.done && one.fault == nil && one.window > firstWindow {
			return true
		}
	}
	return false
}

// sorted returns all known files by name.
func (f *files) sorted() (all []*file) {
	for _, one := range f.known {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *file) int { return cmp.Compare(a.path, b.path) })
	return all
}

// look lists the files and returns those that are not done, by name. changed reports whether a file is new or has
// changed.
func (f *files) look(now time.Time) (open []*file, changed bool, err error) {
	paths, err := f.list()
	if err != nil {
		return nil, false, err
	}
	positions, _ := os.Stat(f.positions) // nil if there is none
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || os.SameFile(info, positions) { // deleted, or a directory
			continue
		}
		one := f.known[path]
		if one == nil {
			one = &file{path: path}
			f.known[path] = one
		}
		if f.update(one, info, now) {
			changed = true
		}
		if !one.done {
			open = append(open, one)
		}
	}
	return open, changed, nil
}

// update resets a file that is new or has changed, and reports that. A single file that was written on keeps its place.
func (f *files) update(one *file, info fs.FileInfo, now time.Time) bool {
	replaced := one.info != nil && !os.SameFile(info, one.info)
	if one.info != nil && !replaced && stateOf(info) == stateOf(one.info) {
		return false
	}
	if replaced || !f.single {
		one.next, one.window = 0, 0
	}
	one.info, one.seen, one.checked, one.done, one.rereading, one.fault = info, now, false, false, false, nil
	return true
}

// list returns the paths by name. Hidden files are skipped: writers that rename begin with them.
func (f *files) list() (paths []string, err error) {
	if f.single {
		return []string{f.path}, nil
	}
	entries, err := os.ReadDir(f.path) // sorted
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, ".") && IsFrameFile(name) {
			paths = append(paths, filepath.Join(f.path, name))
		}
	}
	return paths, nil
}

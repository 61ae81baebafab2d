package watch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// endings are those of files that are looked at in a directory. Hidden files are not: writers that rename begin with them.
var endings = []string{".npz", ".h5", ".hdf5", ".hdf", ".nxs", ".cxi"}

// stamp is what tells two states of a file apart.
type stamp struct {
	size     int64
	modified time.Time
}

// file is a file that was seen.
type file struct {
	path   string
	seen   stamp
	at     time.Time // when it was first seen in this state
	whole  bool      // all of it, in this state, was read once without a fault
	next   int       // frames before this one, in this state, have been taken
	done   bool      // its frames, in the state that was seen, have been taken
	fault  error
	since  time.Time // of the first fault in this state
	broken bool      // given up, and named
	named  bool      // a frame of it was refused, and said so
}

// taken says that all frames are in.
func (f *file) taken() { f.done, f.fault, f.broken = true, nil, false }

// failed notes a fault. It returns the sentence when the file has failed for too long, once; until then it is tried at each look.
func (f *file) failed(err error, now time.Time, giveUp time.Duration) string {
	if f.fault == nil {
		f.since = now
	}
	f.fault = err
	if now.Sub(f.since) < giveUp {
		return ""
	}
	f.done = true
	if f.broken { // a file that was named, and changed, and is broken still
		return ""
	}
	f.broken = true
	return err.Error()
}

// files are those of a place.
type files struct {
	path  string
	known map[string]*file
}

func newFiles(path string) *files { return &files{path: path, known: map[string]*file{}} }

// unsettled tells whether some file is not yet taken for being too new.
func (f *files) unsettled(now time.Time, interval time.Duration) bool {
	for _, one := range f.known {
		if !one.done && now.Sub(one.at) < interval {
			return true
		}
	}
	return false
}

// sorted are all files that were seen, by name.
func (f *files) sorted() (all []*file) {
	for _, one := range f.known {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *file) int { return strings.Compare(a.path, b.path) })
	return all
}

// look lists the files, by name, that have been as they are for an interval and have not been taken in this state. changed tells whether
// any file is new or has changed.
func (f *files) look(now time.Time, interval time.Duration) (settled []*file, changed bool, err error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, false, err
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || !slices.Contains(endings, strings.ToLower(filepath.Ext(name))) {
			continue
		}
		path := filepath.Join(f.path, name)
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() { // gone again, or a folder
			continue
		}
		state := stamp{info.Size(), info.ModTime()}
		one := f.known[path]
		switch {
		case one == nil:
			f.known[path] = &file{path: path, seen: state, at: now}
			changed = true
		case one.seen != state:
			one.seen, one.at, one.whole, one.next, one.done, one.fault = state, now, false, 0, false, nil
			changed = true
		case !one.done && now.Sub(one.at) >= interval:
			settled = append(settled, one)
		}
	}
	slices.SortFunc(settled, func(a, b *file) int { return strings.Compare(a.path, b.path) })
	return settled, changed, nil
}

package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// endings are those of files that are looked at in a directory. Hidden files are not: writers that rename begin with them.
var endings = []string{".npz", ".h5", ".hdf5", ".hdf", ".nxs", ".cxi"}

// Ending tells whether a path ends like a file of frames.
func Ending(path string) bool {
	return slices.Contains(endings, strings.ToLower(filepath.Ext(path)))
}

// stamp is what tells two states of a file apart.
type stamp struct {
	size     int64
	modified int64
}

func stampOf(info fs.FileInfo) stamp { return stamp{info.Size(), info.ModTime().UnixNano()} }

// file is a file that was seen.
type file struct {
	path   string
	info   fs.FileInfo
	at     time.Time // when it was first seen in this state
	whole  bool      // all of it, in this state, was read once without a fault
	next   int       // frames before this one, in this state, have been taken
	done   bool      // its frames, in the state that was seen, have been taken
	fault  error
	since  time.Time // of the first fault in this state
	broken bool      // given up, and named
	again  bool      // it is read again, for frames that had no position
	named  bool      // a frame of it was refused, and said so
}

// settled tells whether it has not changed for an interval.
func (f *file) settled(now time.Time, interval time.Duration) bool { return now.Sub(f.at) >= interval }

// changed tells whether it is no longer as it was seen.
func (f *file) changed() bool {
	info, err := os.Stat(f.path)
	return err != nil || stampOf(info) != stampOf(f.info)
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

// files are those of a place: a directory, or a single file that grows.
type files struct {
	path   string
	single bool
	beside string // a file that is none of them: the positions; empty: none
	known  map[string]*file
}

func newFiles(path string, single bool, beside string) *files {
	return &files{path: path, single: single, beside: beside, known: map[string]*file{}}
}

// unsettled tells whether some file is not yet taken for being too new.
func (f *files) unsettled(now time.Time, interval time.Duration) bool {
	for _, one := range f.known {
		if !one.done && !one.settled(now, interval) {
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

// look finds out what is there, and returns the files that have not been taken as they are, by name. changed tells whether any file is new
// or has changed.
func (f *files) look(now time.Time) (open []*file, changed bool, err error) {
	paths, err := f.list()
	if err != nil {
		return nil, false, err
	}
	other, _ := os.Stat(f.beside) // nil where there is none
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || os.SameFile(info, other) { // gone again, or a folder
			continue
		}
		one := f.known[path]
		if one == nil {
			one = &file{path: path}
			f.known[path] = one
		}
		if one.info == nil || stampOf(info) != stampOf(one.info) || !os.SameFile(info, one.info) {
			if one.info != nil && !os.SameFile(info, one.info) || !f.single {
				one.next = 0
			}
			one.info, one.at, one.whole, one.done, one.again, one.fault = info, now, false, false, false, nil
			changed = true
		}
		if !one.done {
			open = append(open, one)
		}
	}
	return open, changed, nil
}

// list are the paths to look at, by name.
func (f *files) list() (paths []string, err error) {
	if f.single {
		return []string{f.path}, nil
	}
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, ".") && Ending(name) {
			paths = append(paths, filepath.Join(f.path, name))
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// Package scanstore keeps the scans of a server on disk, so that a restarted server resumes them. In the data's path it
// stands beside the scans of package serve: frames are stored before they are stitched and acknowledged, and are read
// back at the next start.
//
// A [Store] is a directory with a lock, for one server at a time. It contains [Scan]s, each a directory named by its
// id. A scan has a [Head], with what it was created with, and a journal of [Frames] in checksummed records.
//
// A journal truncated by a kill or a full disk loses only frames that were not acknowledged. Changed bytes are detected
// and put aside. Nothing else is ever deleted but scans to be removed and temporary files. Faults of the user's input
// are *badinput.Error.
package scanstore

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
)

// Names in a store. A scan is created and removed under a prefix, so that it is there completely or not at all.
const (
	lockFile       = "lock"
	creatingPrefix = ".new-"
	removingPrefix = ".gone-"
	headFile       = "scan.json"
	journalFile    = "frames.journal"
	damagedFile    = "frames.damaged-%d-*" // with its offset in the journal
)

// Scans may be secret: only the owner has access.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

// headVersion is the version of Head and of the journal's records.
const headVersion = 1

// maxHead is more bytes than any Head takes: that of a scan with a probe of 2000 x 2000 pixels has 43 MB.
const maxHead = 1 << 26

var scanID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// IsID reports whether a text is a valid id of a scan, which is the name of its directory.
func IsID(text string) bool { return scanID.MatchString(text) }

// Head describes a scan without its frames.
type Head struct {
	Version  int             `json:"version"`
	Number   int             `json:"number"`  // in the order of creation
	N        int             `json:"n"`       // side of its patterns, in pixels
	Digest   string          `json:"digest"`  // of the model's file
	Options  json.RawMessage `json:"options"` // the server's
	Finished bool            `json:"finished"`
}

// Store is a directory that one server uses.
type Store struct {
	dir  string
	lock *os.File
}

// Fault is a scan that cannot be read.
type Fault struct {
	ID  string
	Err error
}

// Open creates the directory if necessary, locks it and removes half-created scans and temporary files. flag is named
// in errors.
func Open(flag, dir string) (*Store, error) {
	if err := destination.Dir(flag, dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("creating the store: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, &badinput.Error{File: dir, Key: flag, Found: "a store that cannot be locked", Cause: err}
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		fault := &badinput.Error{File: dir, Key: flag, Found: "a store that cannot be locked", Cause: err}
		if errors.Is(err, unix.EWOULDBLOCK) {
			fault.Found, fault.Expected, fault.Cause = "a store that another server uses",
				"its own store for each server", nil
			fault.Remedy = "stop the other server, or give another directory"
		}
		return nil, errors.Join(fault, lock.Close())
	}
	s := &Store{dir: dir, lock: lock}
	if err := s.removeLeftovers(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close unlocks the store.
func (s *Store) Close() error { return s.lock.Close() }

// removeLeftovers removes scans whose creation or removal was interrupted, and the temporary files of a killed server.
func (s *Store) removeLeftovers() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("reading the store: %w", err)
	}
	for _, e := range entries {
		id := strings.TrimPrefix(strings.TrimPrefix(e.Name(), creatingPrefix), removingPrefix)
		half := id != e.Name() && IsID(id)
		temporary := strings.HasPrefix(e.Name(), destination.Prefix) && !e.IsDir()
		if half || temporary {
			if err := os.RemoveAll(filepath.Join(s.dir, e.Name())); err != nil {
				return fmt.Errorf("cleaning the store: %w", err)
			}
		}
	}
	return nil
}

// Create stores a new scan without frames. On error nothing is stored. An error of the disk is a *DiskError.
func (s *Store) Create(id string, h Head) (*Scan, error) {
	if !IsID(id) {
		return nil, fmt.Errorf("scanstore: %.40q is no id", id)
	}
	h.Version = headVersion
	work := filepath.Join(s.dir, creatingPrefix+id)
	a, err := s.create(work, id, h)
	if err != nil {
		return nil, &DiskError{errors.Join(err, os.RemoveAll(work))}
	}
	return a, nil
}

// create makes a scan in the directory work and renames that.
func (s *Store) create(work, id string, h Head) (*Scan, error) {
	if err := os.Mkdir(work, dirMode); err != nil {
		return nil, err
	}
	if err := writeHead(work, h); err != nil {
		return nil, err
	}
	journal, err := os.OpenFile(filepath.Join(work, journalFile), os.O_CREATE|os.O_EXCL|os.O_RDWR, fileMode)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(s.dir, id)
	if err := s.rename(work, dir); err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	return &Scan{ID: id, head: h, store: s, dir: dir, journal: journal}, nil
}

// rename gives a new scan its name, durably.
func (s *Store) rename(work, dir string) error {
	if err := syncDir(work); err != nil {
		return err
	}
	if err := os.Rename(work, dir); err != nil {
		return err
	}
	if err := syncDir(s.dir); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	return nil
}

// Scans returns the stored scans in the order of creation, without reading their journals. faults are the scans whose
// head cannot be read; they stay as they are.
func (s *Store) Scans() (scans []*Scan, faults []Fault, err error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the store: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || !IsID(e.Name()) {
			continue
		}
		a := &Scan{ID: e.Name(), store: s, dir: filepath.Join(s.dir, e.Name())}
		if a.head, err = readHead(a.dir); err != nil {
			faults = append(faults, Fault{ID: a.ID, Err: err})
			continue
		}
		scans = append(scans, a)
	}
	slices.SortFunc(scans, func(x, y *Scan) int {
		return cmp.Or(cmp.Compare(x.head.Number, y.head.Number), cmp.Compare(x.ID, y.ID))
	})
	return scans, faults, nil
}

// writeHead replaces the head in one step.
func writeHead(dir string, h Head) error {
	data, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	if err := destination.WriteFile(filepath.Join(dir, headFile), append(data, '\n'), fileMode); err != nil {
		return err
	}
	return syncDir(dir)
}

// readHead reads a head, and removes temporary files of interrupted writes.
func readHead(dir string) (h Head, err error) {
	path := filepath.Join(dir, headFile)
	fault := func(found string, cause error) (Head, error) {
		return h, &badinput.Error{File: path, Found: found, Expected: "the description of a scan", Cause: cause}
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fault("no such file", badinput.Cause(err))
	}
	if !info.Mode().IsRegular() || info.Size() > maxHead {
		return fault(fmt.Sprintf("%v, %d bytes", info.Mode(), info.Size()), nil)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fault("a file that cannot be read", badinput.Cause(err))
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return fault("no JSON of a scan", err)
	}
	switch {
	case h.Version != headVersion:
		return fault(fmt.Sprintf("version %d", h.Version), nil)
	case h.N < 1 || h.N > maxSide:
		return fault(fmt.Sprintf("patterns of %d pixels", h.N), nil)
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "."+headFile) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return h, err
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// DiskError is an error of the disk, such as a full one. Nothing was stored.
type DiskError struct{ Err error }

// Error returns the system's error without the path, which clients must not see.
func (e *DiskError) Error() string {
	if code := unix.Errno(0); errors.As(e.Err, &code) {
		return code.Error()
	}
	return "it cannot be written to"
}

// Unwrap returns the complete error.
func (e *DiskError) Unwrap() error { return e.Err }

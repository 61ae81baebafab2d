// Package scanstore keeps the scans of a server on disk, so that a server that is killed goes on where it was. In the path of the data it
// stands beside serve's scans: what a client sends is kept here before it is stitched and answered for, and is read back at the next start.
//
// The nouns: a [Store] is a directory with a lock, one server's at a time. It holds [Scan]s, each a directory named by its id: a [Head], what
// the scan was created with, and a journal of [Frames], as they go to the network, one checked record after the other.
//
// A file that was cut short, by a kill or by a disk that is full, loses what nobody was promised; bytes that have changed are noticed, and
// put aside. Nothing is deleted but what was to be deleted. Faults of what the user gave are *badinput.Error.
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

// Names in a store. A scan is made under the first prefix and removed under the second, so that it is there as a whole or not at all.
const (
	lockFile    = "lock"
	making      = ".new-"
	removing    = ".gone-"
	headFile    = "scan.json"
	journalFile = "frames.journal"
	// damagedFile is what was put aside, with the place in the journal where it lay.
	damagedFile = "frames.damaged-%d-*"
)

// What a scan holds may be anybody's secret.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

// headVersion is of Head and of the journal's records.
const headVersion = 1

// maxHead is more bytes than any Head takes.
const maxHead = 1 << 20

// IsID tells whether a text is an id of a scan: the name of its directory.
func IsID(text string) bool { return scanID.MatchString(text) }

// scanID is what ids look like.
var scanID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Head is what is known of a scan apart from its frames.
type Head struct {
	Version  int             `json:"version"`
	Number   int             `json:"number"`  // of creation
	N        int             `json:"n"`       // side of its patterns
	Digest   string          `json:"digest"`  // of the model's file
	Options  json.RawMessage `json:"options"` // the server's own
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

// Open makes the directory, if it is not there, and takes its lock. flag names it in complaints.
func Open(flag, dir string) (*Store, error) {
	if err := destination.Dir(flag, dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("making the store: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, &badinput.Error{File: dir, Key: flag, Found: "a store that cannot be locked", Cause: err}
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		fault := &badinput.Error{File: dir, Key: flag, Found: "a store that cannot be locked", Cause: err}
		if errors.Is(err, unix.EWOULDBLOCK) {
			fault = &badinput.Error{File: dir, Key: flag, Found: "a store that another server uses", Expected: "one of its own for each", Remedy: "end the other server, or give another directory"}
		}
		return nil, errors.Join(fault, lock.Close())
	}
	s := &Store{dir: dir, lock: lock}
	if err := s.tidy(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close lets another server have the store.
func (s *Store) Close() error { return s.lock.Close() }

// tidy removes scans that were being made, of which nobody knows, and those that were being removed.
func (s *Store) tidy() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("reading the store: %w", err)
	}
	for _, e := range entries {
		id := strings.TrimPrefix(strings.TrimPrefix(e.Name(), making), removing)
		if id != e.Name() && IsID(id) {
			if err := os.RemoveAll(filepath.Join(s.dir, e.Name())); err != nil {
				return fmt.Errorf("tidying the store: %w", err)
			}
		}
	}
	return nil
}

// Create keeps a new scan, without frames yet. On error there is none. An error of the disk is a *DiskError.
func (s *Store) Create(id string, h Head) (*Scan, error) {
	if !IsID(id) {
		return nil, fmt.Errorf("scanstore: %.40q is no id", id)
	}
	h.Version = headVersion
	work := filepath.Join(s.dir, making+id)
	made, err := s.make(work, id, h)
	if err != nil {
		return nil, &DiskError{errors.Join(err, os.RemoveAll(work))}
	}
	return made, nil
}

func (s *Store) make(work, id string, h Head) (*Scan, error) {
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
	place := filepath.Join(s.dir, id)
	if err := s.publish(work, place); err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	return &Scan{ID: id, head: h, store: s, dir: place, journal: journal}, nil
}

// publish gives what was made its name, for good.
func (s *Store) publish(work, place string) error {
	if err := syncDir(work); err != nil {
		return err
	}
	if err := os.Rename(work, place); err != nil {
		return err
	}
	if err := syncDir(s.dir); err != nil {
		return errors.Join(err, os.RemoveAll(place))
	}
	return nil
}

// Scans are those kept, in order of creation, their journals not read yet, and those whose head cannot be read, which stay as they are.
func (s *Store) Scans() (kept []*Scan, faults []Fault, err error) {
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
		kept = append(kept, a)
	}
	slices.SortFunc(kept, func(x, y *Scan) int {
		return cmp.Or(cmp.Compare(x.head.Number, y.head.Number), cmp.Compare(x.ID, y.ID))
	})
	return kept, faults, nil
}

// writeHead replaces the head as a whole.
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

// readHead reads a head, and removes those that were being written.
func readHead(dir string) (Head, error) {
	var h Head
	path := filepath.Join(dir, headFile)
	fault := func(found string, cause error) error {
		return &badinput.Error{File: path, Found: found, Expected: "what a scan was created with", Cause: cause}
	}
	if info, err := os.Lstat(path); err != nil {
		return h, fault("no such file", badinput.Cause(err))
	} else if !info.Mode().IsRegular() || info.Size() > maxHead {
		return h, fault(fmt.Sprintf("%v, %d bytes", info.Mode(), info.Size()), nil)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return h, fault("a file that cannot be read", badinput.Cause(err))
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return h, fault("no JSON of a scan", err)
	}
	switch {
	case h.Version != headVersion:
		return h, fault(fmt.Sprintf("version %d", h.Version), nil)
	case h.N < 1 || h.N > maxSide:
		return h, fault(fmt.Sprintf("patterns of %d pixels", h.N), nil)
	}
	return h, removeHalves(dir)
}

// removeHalves removes heads that were being written.
func removeHalves(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "."+headFile) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// syncDir makes names in a directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// DiskError is a disk that does not take what is to be kept: it is full, for one. Nothing of it stays.
type DiskError struct{ Err error }

// Error is what the system says, without the path, which is no client's business.
func (e *DiskError) Error() string {
	if code := unix.Errno(0); errors.As(e.Err, &code) {
		return code.Error()
	}
	return "it cannot be written to"
}

// Unwrap is the system's error with all that it says.
func (e *DiskError) Unwrap() error { return e.Err }

package scanstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Scan is a scan on disk. Its methods may be called concurrently, but Replay once and before Append.
type Scan struct {
	ID    string
	store *Store
	dir   string

	mu      sync.Mutex
	head    Head
	journal *os.File // nil before Replay, and after Close or Remove
	end     int64    // of the last complete record
	ragged  bool     // the file may be longer
	removed bool
}

// Head returns the description of the scan.
func (a *Scan) Head() Head {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.head
}

// Append stores frames durably and then calls add. If add fails, the frames are removed again. Calls are serialized, so
// the journal has the order of the calls of add. The error is a *DiskError if the frames were not stored, fs.ErrClosed
// after Close or Remove, or else add's.
func (a *Scan) Append(f Frames, add func() error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.journal == nil {
		return fs.ErrClosed
	}
	before := a.end
	if err := a.write(f); err != nil {
		_ = a.truncate() // tried again before the next frames
		return &DiskError{err}
	}
	if err := add(); err != nil {
		a.end, a.ragged = before, true
		_ = a.truncate()
		return err
	}
	return nil
}

// write appends records and syncs them.
func (a *Scan) write(f Frames) error {
	if err := a.truncate(); err != nil {
		return err
	}
	most, image := recordFrames(a.head.N), a.head.N*a.head.N
	end := a.end
	a.ragged = true
	var record []byte
	for from := 0; from < len(f.IDs); from += most {
		record = appendRecord(record[:0], f.slice(from, min(from+most, len(f.IDs)), image), a.head.N)
		if _, err := a.journal.WriteAt(record, end); err != nil {
			return err
		}
		end += int64(len(record))
	}
	if err := errors.Join(a.journal.Sync(), a.checkExists()); err != nil {
		return err
	}
	a.end, a.ragged = end, false
	return nil
}

// checkExists returns an error if somebody has deleted the journal: frames written to it would be lost.
func (a *Scan) checkExists() error {
	var s unix.Stat_t
	if err := unix.Fstat(int(a.journal.Fd()), &s); err != nil {
		return err
	}
	if s.Nlink == 0 {
		return fmt.Errorf("%s: %w", filepath.Join(a.dir, journalFile), unix.ENOENT)
	}
	return nil
}

// truncate removes what follows the last complete record.
func (a *Scan) truncate() error {
	if !a.ragged {
		return nil
	}
	if err := a.journal.Truncate(a.end); err != nil {
		return err
	}
	a.ragged = false
	return nil
}

// Replay passes the frames of the journal to each, a record at a time, and prepares the journal for Append. An error of
// each ends it and leaves the journal as it is. A truncated last record is dropped. From a damaged record on, the rest
// is moved to a file of its own. lost is a sentence that says so.
func (a *Scan) Replay(each func(Frames) error) (lost string, err error) {
	journal, size, err := a.open()
	if err != nil {
		return "", err
	}
	for at := int64(0); ; {
		rest := io.NewSectionReader(journal, at, size-at)
		f, length, err := readRecord(rest, size-at, a.head.N)
		switch damaged := damage(""); {
		case errors.Is(err, io.EOF):
			return "", a.resume(at, false)
		case errors.Is(err, errTruncated):
			lost = fmt.Sprintf("the last %d bytes of its journal, an incomplete record, were dropped", size-at)
			return lost, a.resume(at, true)
		case errors.As(err, &damaged):
			aside, err := a.putAside(io.NewSectionReader(journal, at, size-at), at)
			if err != nil {
				return "", fmt.Errorf("moving damaged frames: %w", err)
			}
			lost = fmt.Sprintf(
				"its journal is damaged at byte %d (%v): frames before it are back, the last %d bytes are in %s",
				at,
				damaged,
				size-at,
				filepath.Base(aside),
			)
			return lost, a.resume(at, true)
		case err != nil:
			return "", err
		}
		if err := each(f); err != nil {
			return "", err
		}
		at += length
	}
}

// open opens the journal. It follows no link and does not block on anything but a file.
func (a *Scan) open() (*os.File, int64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.removed {
		return nil, 0, fs.ErrClosed
	}
	journal, err := os.OpenFile(filepath.Join(a.dir, journalFile), os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, fileMode)
	if err != nil {
		return nil, 0, fmt.Errorf("opening the journal: %w", err)
	}
	info, err := journal.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("the journal is no file: %v", info.Mode())
	}
	if err != nil {
		return nil, 0, errors.Join(err, journal.Close())
	}
	a.journal = journal
	return journal, info.Size(), nil
}

// resume makes Append continue at the byte end; ragged says that the file is longer.
func (a *Scan) resume(end int64, ragged bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.journal == nil {
		return fs.ErrClosed
	}
	a.end, a.ragged = end, ragged
	return a.truncate()
}

// putAside copies the rest of the journal durably into a new file, which only the owner can read.
func (a *Scan) putAside(rest io.Reader, at int64) (path string, err error) {
	f, err := os.CreateTemp(a.dir, fmt.Sprintf(damagedFile, at))
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, rest)
	if err := errors.Join(err, f.Sync(), f.Close(), syncDir(a.dir)); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// SetOptions replaces the server's options of the scan. An error of the disk is a *DiskError; after Remove, and after
// Close, it is fs.ErrClosed.
func (a *Scan) SetOptions(options json.RawMessage) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.journal == nil {
		return fs.ErrClosed
	}
	h := a.head
	h.Options = options
	if err := writeHead(a.dir, h); err != nil {
		return &DiskError{err}
	}
	a.head = h
	return nil
}

// Finish stores that the scan accepts no more frames. An error of the disk is a *DiskError.
func (a *Scan) Finish() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.head.Finished || a.removed {
		return nil
	}
	h := a.head
	h.Finished = true
	if err := writeHead(a.dir, h); err != nil {
		return &DiskError{err}
	}
	a.head = h
	return nil
}

// Remove deletes the scan, completely or not at all. A second call does nothing.
func (a *Scan) Remove() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.removed {
		return nil
	}
	going := filepath.Join(a.store.dir, removingPrefix+a.ID)
	if err := os.Rename(a.dir, going); err != nil && !errors.Is(err, fs.ErrNotExist) { // deleted by hand
		return fmt.Errorf("removing a scan: %w", err)
	}
	a.removed = true
	if err := errors.Join(syncDir(a.store.dir), a.close(), os.RemoveAll(going)); err != nil {
		return fmt.Errorf("removing a scan: %w", err)
	}
	return nil
}

// Close ends the use of the scan. It stays on disk.
func (a *Scan) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.close()
}

// close is called with the scan locked.
func (a *Scan) close() error {
	if a.journal == nil {
		return nil
	}
	journal := a.journal
	a.journal = nil
	return journal.Close()
}

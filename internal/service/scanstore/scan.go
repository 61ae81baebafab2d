package scanstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Scan is a scan on disk. Its methods may be called from several goroutines, Replay once and before Append.
type Scan struct {
	ID    string
	store *Store
	dir   string

	mu      sync.Mutex
	head    Head
	journal *os.File // nil before Replay, and after Close or Remove
	end     int64    // of the last whole record
	ragged  bool     // the file may be longer than that
	gone    bool
}

// Head is what the scan was created with, and whether it has been finished.
func (a *Scan) Head() Head {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.head
}

// Append keeps frames: when they are on the disk for good, lay is called, and where that fails they are taken back. Frames are kept, and
// lay is called, one after the other: the journal has the order of the calls. An error of the disk is a *DiskError, and lay was not
// called; fs.ErrClosed after Close and Remove; any other is lay's.
func (a *Scan) Append(f Frames, lay func() error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.journal == nil {
		return fs.ErrClosed
	}
	before := a.end
	if err := a.write(f); err != nil {
		_ = a.restore() // tried again before the next frames
		return &DiskError{err}
	}
	if err := lay(); err != nil {
		a.end, a.ragged = before, true
		_ = a.restore()
		return err
	}
	return nil
}

// write puts records at the end and syncs them.
func (a *Scan) write(f Frames) error {
	if err := a.restore(); err != nil {
		return err
	}
	most, image := recordFrames(a.head.N), a.head.N*a.head.N
	end := a.end
	a.ragged = true
	var record []byte
	for from := 0; from < len(f.IDs); from += most {
		record = appendRecord(record[:0], f.part(from, min(from+most, len(f.IDs)), image), a.head.N)
		if _, err := a.journal.WriteAt(record, end); err != nil {
			return err
		}
		end += int64(len(record))
	}
	if err := errors.Join(a.journal.Sync(), a.isThere()); err != nil {
		return err
	}
	a.end, a.ragged = end, false
	return nil
}

// isThere is an error where somebody has removed the journal: what is written to it is then kept for nobody.
func (a *Scan) isThere() error {
	var s unix.Stat_t
	if err := unix.Fstat(int(a.journal.Fd()), &s); err != nil {
		return err
	}
	if s.Nlink == 0 {
		return fmt.Errorf("%s: %w", filepath.Join(a.dir, journalFile), unix.ENOENT)
	}
	return nil
}

// restore cuts off what is behind the last whole record.
func (a *Scan) restore() error {
	if !a.ragged {
		return nil
	}
	if err := a.journal.Truncate(a.end); err != nil {
		return err
	}
	a.ragged = false
	return nil
}

// Replay hands the frames of the journal to each, a record at a time, in their order, and makes the journal ready for more. An error of each
// ends it, and the journal stays as it is. A record that was cut short at the end is dropped; from one that is damaged on the rest is put
// aside in a file of its own. mended is a sentence of what was done then.
func (a *Scan) Replay(each func(Frames) error) (mended string, err error) {
	journal, size, err := a.open()
	if err != nil {
		return "", err
	}
	for at := int64(0); ; {
		f, length, err := readRecord(io.NewSectionReader(journal, at, size-at), size-at, a.head.N)
		switch damaged := damage(""); {
		case errors.Is(err, io.EOF):
			return "", a.resume(at, false)
		case errors.Is(err, errCut):
			return fmt.Sprintf("the last %d bytes of its journal, a record that was never whole, were dropped", size-at), a.resume(at, true)
		case errors.As(err, &damaged):
			aside, err := a.putAside(io.NewSectionReader(journal, at, size-at), at)
			if err != nil {
				return "", fmt.Errorf("putting aside what is damaged: %w", err)
			}
			return fmt.Sprintf("its journal is damaged at byte %d (%v): frames before it are back, the %d bytes from there on lie in %s", at, damaged, size-at, filepath.Base(aside)), a.resume(at, true)
		case err != nil:
			return "", err
		}
		if err := each(f); err != nil {
			return "", err
		}
		at += length
	}
}

// open opens the journal.
func (a *Scan) open() (*os.File, int64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return nil, 0, fs.ErrClosed
	}
	// Neither through a link to a file that is another's, nor waiting for what is no file.
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

// resume lets frames be appended after the byte at end; cut says that the file is longer.
func (a *Scan) resume(end int64, cut bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.journal == nil {
		return fs.ErrClosed
	}
	a.end, a.ragged = end, cut
	return a.restore()
}

// putAside copies the rest of the journal into a new file, for good.
func (a *Scan) putAside(rest io.Reader, at int64) (path string, err error) {
	f, err := os.CreateTemp(a.dir, fmt.Sprintf(damagedFile, at)) // for the owner alone
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, rest)
	if err := errors.Join(err, f.Sync(), f.Close(), syncDir(a.dir)); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// Finish keeps that the scan takes no more frames. An error of the disk is a *DiskError.
func (a *Scan) Finish() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.head.Finished || a.gone {
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

// Remove deletes the scan, at once or not at all. Again it does nothing.
func (a *Scan) Remove() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return nil
	}
	going := filepath.Join(a.store.dir, removing+a.ID)
	if err := os.Rename(a.dir, going); err != nil && !errors.Is(err, fs.ErrNotExist) { // somebody has removed it by hand
		return fmt.Errorf("removing a scan: %w", err)
	}
	a.gone = true
	if err := errors.Join(syncDir(a.store.dir), a.close(), os.RemoveAll(going)); err != nil {
		return fmt.Errorf("removing a scan: %w", err)
	}
	return nil
}

// Close ends the use of the scan, which stays.
func (a *Scan) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.close()
}

// close is used with the scan locked.
func (a *Scan) close() error {
	if a.journal == nil {
		return nil
	}
	journal := a.journal
	a.journal = nil
	return journal.Close()
}

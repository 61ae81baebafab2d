package destination

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"ptyx/internal/base/badinput"
)

// Write replaces the file at path in one step by one that fill writes. A reader sees the old file or the new one, and
// after an error the old one stays. fill may also write to the file by its name. The new file has the permissions 0644.
func Write(path string, fill func(f *os.File) error) error {
	return replace(path, fill, renameio.WithPermissions(0o644))
}

// WriteFile replaces the file at path by data, as Write does. A new file gets the permissions; an old one keeps its
// own.
func WriteFile(path string, data []byte, permissions fs.FileMode) error {
	return replace(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	}, renameio.WithPermissions(permissions), renameio.WithExistingPermissions())
}

// replace writes to a temporary file, flushes it to the disk and renames it. The temporary file is in the directory of
// path, because a rename across file systems is not atomic, and a killed process leaves nothing in the system's own
// temporary directory. Its name is a dot, the name of the file and a number.
func replace(path string, fill func(f *os.File) error, options ...renameio.Option) error {
	f, err := renameio.NewPendingFile(path, append(options, renameio.WithTempDir(filepath.Dir(path)))...)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, badinput.Cause(err))
	}
	err = fill(f.File)
	if err == nil {
		err = f.CloseAtomicallyReplace()
	}
	if fault := (*fs.PathError)(nil); errors.As(err, &fault) && fault.Path == f.Name() {
		err = fault.Err // the temporary name says nothing
	} else if fault := (*os.LinkError)(nil); errors.As(err, &fault) && fault.Old == f.Name() {
		err = fault.Err
	}
	if err := errors.Join(err, f.Cleanup()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

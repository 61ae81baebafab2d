package npz

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"

	"ptyx/internal/base/badinput"
)

// Single is the name of the array of a .npy file.
const Single = "array"

// magic begins a .npy file.
var magic = []byte("\x93NUMPY")

// entry is a member as a file holds it.
type entry struct {
	method       uint16 // of zip
	packed, size uint64 // bytes in the file, and unpacked
	open         func() (io.ReadCloser, error)
	offset       func() (int64, error) // of the first byte in the file
}

// zipped is a member of an archive.
func zipped(f *zip.File) *entry {
	return &entry{f.Method, f.CompressedSize64, f.UncompressedSize64, f.Open, f.DataOffset}
}

// IsSingle reports whether a file is a single .npy array, by its first bytes.
func IsSingle(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, len(magic))
	_, err = io.ReadFull(f, start)
	return err == nil && bytes.Equal(start, magic)
}

// OpenSingle opens a .npy file as an archive of one array, Single.
func OpenSingle(path string) (*Reader, error) {
	f, size, err := badinput.Open(path, "a .npy file")
	if err != nil {
		return nil, err
	}
	r := &Reader{path: path, file: f, closer: f, size: size, keys: []string{Single}}
	r.members = map[string]*entry{Single: {
		method: zip.Store, packed: uint64(size), size: uint64(size),
		open:   func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(f, 0, size)), nil },
		offset: func() (int64, error) { return 0, nil },
	}}
	if _, err := r.Header(Single); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

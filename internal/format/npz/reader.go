// Package npz reads and writes NPZ files: zip archives of NumPy's .npy arrays, the form in which scans and
// reconstructions travel. A Reader gives named members: their Header without the elements, complete arrays converted to
// the type asked for, or a Stream of leading-axis slices in constant memory. Write makes a file in one atomic step.
//
// npyio reads the headers that numpy writes. It does not read the elements: it takes about 10 ns for each, ten times as
// long as encoding/binary, and has no limit to what a header may claim. It does not write: it has no N-dimensional
// arrays and no 0-d strings.
//
// Every fault of a file that is read is a *badinput.Error that names file and key. Pickled members are never decoded.
// The package imports ndarray, badinput and destination.
package npz

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"

	"ptyx/internal/base/badinput"
)

// Reader gives the members of one NPZ file. Its methods may be called from several goroutines; Close ends them all.
type Reader struct {
	path    string
	file    io.ReaderAt
	closer  io.Closer
	size    int64 // of the file
	keys    []string
	members map[string]*entry
}

// Open opens the archive at path and reads its directory.
func Open(path string) (*Reader, error) {
	f, size, err := badinput.Open(path, "an NPZ file")
	if err != nil {
		return nil, err
	}
	r, err := NewReader(path, f, size)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.closer = f
	return r, nil
}

// NewReader reads the directory of an open archive of the given size in bytes; path is for errors only.
func NewReader(path string, file io.ReaderAt, size int64) (*Reader, error) {
	directory := &directory{file: file, left: maxDirectory}
	archive, err := zip.NewReader(directory, size)
	directory.left = math.MaxInt64
	if err == nil {
		archive.RegisterDecompressor(zip.Deflate, flate.NewReader) // faster than that of the standard library
	}
	if errors.Is(err, errDirectorySize) {
		return nil, &badinput.Error{
			File:     path,
			Found:    "a zip archive of members without end",
			Expected: "the few arrays of a scan",
			Remedy:   "write it with numpy.savez",
		}
	}
	if err != nil {
		return nil, notZip(path, file, err)
	}
	r := &Reader{path: path, file: file, size: size, members: make(map[string]*entry)}
	for _, f := range archive.File {
		key, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			continue
		}
		if _, twice := r.members[key]; !twice {
			r.keys = append(r.keys, key)
		}
		r.members[key] = zipped(f) // as in Python's zipfile, the last of a name counts
	}
	return r, nil
}

// maxDirectory bounds the directory of an archive, in bytes: some 50 000 members. The zip package allocates a structure
// for each member that the file claims.
const maxDirectory = 4 << 20

var errDirectorySize = errors.New("the directory is too long")

// directory is a file that returns an error after the next left bytes.
type directory struct {
	file io.ReaderAt
	left int64
}

func (d *directory) ReadAt(p []byte, at int64) (int, error) {
	if d.left == math.MaxInt64 { // the directory is read; now several goroutines may read members
		return d.file.ReadAt(p, at)
	}
	if d.left -= int64(len(p)); d.left < 0 {
		return 0, errDirectorySize
	}
	return d.file.ReadAt(p, at)
}

// notZip is the error for a file that is no zip archive. It names the format that the first bytes show.
func notZip(path string, file io.ReaderAt, cause error) error {
	var start [6]byte
	n, _ := file.ReadAt(start[:], 0)
	fault := &badinput.Error{
		File:     path,
		Found:    "a file that is not a zip archive",
		Expected: "an NPZ file",
		Remedy:   "write it with numpy.savez",
	}
	switch {
	case n == 0:
		fault.Found = "an empty file"
	case bytes.HasPrefix(start[:n], []byte("PK")):
		fault.Found, fault.Remedy, fault.Cause = "a truncated or damaged zip archive", "copy the file again", cause
	case bytes.HasPrefix(start[:n], []byte("\x93NUMPY")):
		fault.Found = "a single .npy array"
	case bytes.HasPrefix(start[:n], []byte("\x89HDF")):
		fault.Found = "an HDF5 file"
	case bytes.HasPrefix(start[:n], []byte("\x89PNG")):
		fault.Found = "a picture"
	// The fields ir_version and producer_name of a ModelProto.
	case bytes.HasPrefix(start[:n], []byte("\x08")) && bytes.IndexByte(start[:n], '\x12') == 2:
		fault.Found = "an ONNX model"
	}
	return fault
}

// Close closes the file.
func (r *Reader) Close() error {
	if r.closer == nil {
		return nil
	}
	return r.closer.Close()
}

// Path is the file's path as it was given.
func (r *Reader) Path() string { return r.path }

// Keys are the names of the arrays, without ".npy", in the order of the file.
func (r *Reader) Keys() []string { return slices.Clone(r.keys) }

// Has reports whether the archive holds an array of this name.
func (r *Reader) Has(key string) bool { return r.members[key] != nil }

// Header reads the header of a member, without its elements. It works for pickled and text members, too.
func (r *Reader) Header(key string) (Header, error) {
	m, err := r.open(key)
	if err != nil {
		return Header{}, err
	}
	m.body.Close()
	return m.Header, nil
}

// member is an opened array; the next byte of the body is that of the first element.
type member struct {
	Header
	reader *Reader
	key    string
	dtype  dtype
	body   io.ReadCloser
	bytes  int64   // of the body, according to the archive's directory
	layout *layout // from openAs
	buffer []byte  // the last chunk read
}

// open finds a member and reads its header.
func (r *Reader) open(key string) (*member, error) {
	f := r.members[key]
	if f == nil {
		return nil, r.missing(key)
	}
	if !r.plausible(f) {
		return nil, r.fault(
			key,
			"a member whose sizes in the archive's directory cannot be true",
			"",
			"copy the file again",
			nil,
		)
	}
	body, err := f.open()
	if err != nil {
		return nil, r.damaged(key, err)
	}
	h, length, err := readHeader(body)
	if err != nil {
		body.Close()
		return nil, r.damaged(key, err)
	}
	return &member{
		Header: h, reader: r, key: key, dtype: parseDtype(h.Dtype), body: body,
		bytes: int64(f.size) - length,
	}, nil
}

// plausible checks the directory's sizes against the size of the file, before they decide an allocation: deflate
// shrinks by a factor of at most 1032 (two bits stand for up to 258 bytes).
func (r *Reader) plausible(f *entry) bool {
	packed := f.packed
	if packed > uint64(r.size) {
		return false
	}
	if f.method == zip.Store {
		return f.size == packed
	}
	return f.size <= 1032*packed+1032
}

func (r *Reader) fault(key, found, expected, remedy string, cause error) *badinput.Error {
	return &badinput.Error{File: r.path, Key: key, Found: found, Expected: expected, Remedy: remedy, Cause: cause}
}

// missing is the error for an absent array. It lists those that the archive holds.
func (r *Reader) missing(key string) error {
	const shown = 12
	names := r.keys
	more := ""
	if len(names) > shown {
		names, more = names[:shown], ", ..."
	}
	found := "no array of this name, only " + strings.Join(names, ", ") + more
	if len(names) == 0 {
		found = "no array of this name, the archive holds none at all"
	}
	return r.fault(key, found, "one", "add it, or give another file", nil)
}

// damaged is the error for a member whose bytes cannot be read.
func (r *Reader) damaged(key string, err error) error {
	found := "a member that cannot be read"
	switch {
	case errors.Is(err, zip.ErrChecksum):
		found = "data that fails its checksum"
	case errors.Is(err, io.ErrUnexpectedEOF):
		found = "data that ends too early"
	}
	return r.fault(key, found, "", "copy or write the file again", err)
}

package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"ptyx/internal/base/destination"
	"ptyx/internal/scan/source"
)

// Access gives images of a scan one by one, in any order, in the memory of one. It is for one goroutine.
//
// It reads an array that is stored uncompressed in place. A compressed one is unpacked once, into a scratch file
// without a name, which disappears with the process however that ends.
type Access struct {
	read  func(id int, dst []float32) error
	close func() error
}

// Read fills dst with image id, which must be one of those that the Access was opened for.
func (a *Access) Read(id int, dst []float32) error { return a.read(id, dst) }

// Close frees the scratch file.
func (a *Access) Close() error { return a.close() }

// Access opens the amplitudes of patterns ids, N*N values each. scratch is a directory with room for them.
func (s *Scan) Access(ids []int, scratch string) (*Access, error) {
	raw, err := s.file.Direct(s.patterns.key, s.patterns.axes...)
	if err != nil {
		return nil, err
	}
	if raw != nil {
		return inPlace(s.direct(raw)), nil
	}
	frames, err := s.Frames()
	if err != nil {
		return nil, err
	}
	defer frames.Close()
	return s.unpack(ids, s.N*s.N, frames.Next, scratch)
}

// direct reads single patterns through the window.
func (s *Scan) direct(raw source.Direct) func(id int, dst []float32) error {
	w := s.patterns.window
	buf := make([]float32, w.pixels())
	return func(id int, dst []float32) error {
		into := dst
		if !w.plain() {
			into = buf
		}
		if err := raw.Read(s.patterns.placeOf(id), into); err != nil {
			return err
		}
		if !w.plain() {
			w.apply(dst, buf)
		}
		return s.toAmplitudes(dst, id)
	}
}

// AccessTruth opens the true patches of patterns ids, N*N pairs of real and imaginary part each.
func (s *Scan) AccessTruth(ids []int, scratch string) (*Access, error) {
	direct, err := s.file.DirectPairs(KeyTruth)
	if err != nil {
		return nil, err
	}
	if direct != nil {
		return inPlace(func(id int, dst []float32) error { return direct.Read(s.patterns.placeOf(id), dst) }), nil
	}
	patches, err := s.truthPatches()
	if err != nil {
		return nil, err
	}
	defer patches.Close()
	return s.unpack(ids, 2*s.N*s.N, patches.Next, scratch)
}

// inPlace is an Access without a scratch file.
func inPlace(read func(id int, dst []float32) error) *Access {
	return &Access{read: read, close: func() error { return nil }}
}

// unpack writes the images ids of a stream to a scratch file, in the file's own order. It reads to the end of the
// stream, where checksums are compared and statistics are complete.
func (s *Scan) unpack(
	ids []int, size int, next func([]float32) (int, error), scratch string,
) (*Access, error) {
	places := make([]int, s.M) // 1 + place of an image in the scratch file; 0: not in it
	for _, id := range ids {
		if id < 0 || id >= s.M {
			return nil, fmt.Errorf("pattern %d asked of a scan of %d", id, s.M)
		}
		places[id] = 1
	}
	count := 0
	for id, needed := range places {
		if count += needed; needed > 0 {
			places[id] = count
		}
	}
	file, err := destination.Unnamed(scratch, "scratch")
	if err != nil {
		return nil, s.unpacking(err)
	}
	u := &unpacked{file: file, image: make([]float32, size), raw: make([]byte, 4*size)}
	if err := u.fill(places, next); err != nil {
		return nil, errors.Join(s.unpacking(err), file.Close())
	}
	return &Access{close: file.Close, read: func(id int, dst []float32) error {
		if id < 0 || id >= s.M || places[id] == 0 {
			return fmt.Errorf("pattern %d is none of those unpacked", id)
		}
		return u.read(places[id]-1, dst)
	}}, nil
}

// unpacking adds to an error of the disk what was being done.
func (s *Scan) unpacking(err error) error {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		return fmt.Errorf("unpacking %s, which is larger than the memory allowed, into a scratch file: %w", s.Path, err)
	}
	return err
}

// unpacked is a file of images of one size, as little-endian float32.
type unpacked struct {
	file  *os.File
	image []float32
	raw   []byte
}

// fill writes the images that have a place, one after the other.
func (u *unpacked) fill(places []int, next func([]float32) (int, error)) error {
	for id := 0; ; id++ {
		if _, err := next(u.image); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if id >= len(places) || places[id] == 0 {
			continue
		}
		if _, err := binary.Encode(u.raw, binary.LittleEndian, u.image); err != nil {
			return err
		}
		if _, err := u.file.Write(u.raw); err != nil {
			return err
		}
	}
}

func (u *unpacked) read(place int, dst []float32) error {
	if len(dst) != len(u.image) {
		return fmt.Errorf("an image of %d values into %d", len(u.image), len(dst))
	}
	if _, err := u.file.ReadAt(u.raw, int64(place)*int64(len(u.raw))); err != nil {
		return fmt.Errorf("reading unpacked patterns: %w", err)
	}
	_, err := binary.Decode(u.raw, binary.LittleEndian, dst)
	return err
}

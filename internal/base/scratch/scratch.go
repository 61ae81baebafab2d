// Package scratch keeps patterns on disk that have to wait.
package scratch

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"

	"ptyx/internal/base/destination"
)

// Store keeps patterns in a file without a name, so that it disappears with the process however that ends. The file is
// made with the first pattern. Several goroutines may use a Store.
type Store struct {
	dir  string // of the file
	size int    // bytes of a pattern
	most int64  // bytes of the file

	mu   sync.Mutex
	file *os.File // nil: nothing was kept yet
	next int      // the first place that was never used
	free []int    // places before it that are free
	raw  []byte
}

// New returns a store in a directory, for patterns of so many values and most bytes of them. The directory is made when
// it is needed; empty stands for that of temporary files.
func New(dir string, values int, most int64) *Store {
	return &Store{dir: dir, size: 4 * values, most: most}
}

// Put keeps a pattern and returns its place. It fails if the disk, or the room that the user allows, is full.
func (s *Store) Put(pattern []float32) (place int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		if err := s.create(); err != nil {
			return 0, fmt.Errorf("keeping frames on disk: %w", err)
		}
	}
	if n := len(s.free); n > 0 {
		place, s.free = s.free[n-1], s.free[:n-1]
	} else if int64(s.next+1)*int64(s.size) > s.most {
		return 0, fmt.Errorf("keeping frames on disk: --keep-gb is reached with %d frames", s.next)
	} else {
		place = s.next
		s.next++
	}
	if _, err = binary.Encode(s.raw, binary.LittleEndian, pattern); err == nil {
		_, err = s.file.WriteAt(s.raw, int64(place)*int64(s.size))
	}
	if err != nil {
		s.free = append(s.free, place)
		return 0, fmt.Errorf("keeping frames on disk: %w", err)
	}
	return place, nil
}

func (s *Store) create() error {
	if s.dir != "" {
		if err := os.MkdirAll(s.dir, 0o755); err != nil {
			return err
		}
	}
	file, err := destination.Unnamed(s.dir, "frames")
	if err != nil {
		return err
	}
	s.file, s.raw = file, make([]byte, s.size)
	return nil
}

// Read reads a pattern.
func (s *Store) Read(place int, pattern []float32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read(place, pattern)
}

func (s *Store) read(place int, pattern []float32) error {
	if _, err := s.file.ReadAt(s.raw, int64(place)*int64(s.size)); err != nil {
		return fmt.Errorf("reading frames that were kept on disk: %w", err)
	}
	_, err := binary.Decode(s.raw, binary.LittleEndian, pattern)
	return err
}

// Take reads a pattern and frees its place.
func (s *Store) Take(place int, pattern []float32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.read(place, pattern); err != nil {
		return err
	}
	s.free = append(s.free, place)
	return nil
}

// Free frees a place.
func (s *Store) Free(place int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, place)
}

// Close gives the disk space back.
func (s *Store) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

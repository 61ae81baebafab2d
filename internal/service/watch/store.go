package watch

import (
	"encoding/binary"
	"fmt"
	"os"
	"ptyx/internal/base/destination"
	"sync"
)

// store keeps patterns on disk while they wait for their position or for the network. Its file has no name, so that it
// disappears with the process however that ends. Several goroutines may use it.
type store struct {
	dir  string // of the file
	size int    // bytes of a pattern
	most int64  // bytes of the file

	mu   sync.Mutex
	file *os.File // nil: nothing was kept yet
	next int      // the first place that was never used
	free []int    // places before it that are free
	raw  []byte
}

func newStore(dir string, values int, most int64) *store {
	return &store{dir: dir, size: 4 * values, most: most}
}

// put keeps a pattern and returns its place. It fails if the disk, or the room that the user allows, is full.
func (s *store) put(pattern []float32) (place int, err error) {
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

func (s *store) create() error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	file, err := destination.Unnamed(s.dir, ".ptyx-frames-*")
	if err != nil {
		return err
	}
	s.file, s.raw = file, make([]byte, s.size)
	return nil
}

// take reads a pattern and frees its place.
func (s *store) take(place int, pattern []float32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.file.ReadAt(s.raw, int64(place)*int64(s.size)); err != nil {
		return fmt.Errorf("reading frames that were kept on disk: %w", err)
	}
	s.free = append(s.free, place)
	_, err := binary.Decode(s.raw, binary.LittleEndian, pattern)
	return err
}

func (s *store) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

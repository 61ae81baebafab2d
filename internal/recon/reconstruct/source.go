package reconstruct

import (
	"fmt"
	"io"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/dataset"
)

// source delivers single patterns by their index.
type source interface {
	read(id int, into []float32) error
	close()
}

func (a *Assembly) source() (source, error) {
	if a.Channels == 1 {
		frames, err := a.scan.Frames()
		if err != nil {
			return nil, err
		}
		return &streamed{frames: frames, next: 0}, nil
	}
	all, err := a.scan.Load()
	if err != nil {
		return nil, err
	}
	return &loadedSource{patterns: all, image: a.scan.N * a.scan.N}, nil
}

// streamed reads frames in the file's order, passing over those that are not asked for.
type streamed struct {
	frames *dataset.Frames
	next   int
}

func (s *streamed) read(id int, into []float32) error {
	if id < s.next {
		return fmt.Errorf("pattern %d asked for after pattern %d: a stream goes forward only", id, s.next-1)
	}
	for ; s.next <= id; s.next++ {
		if n, err := s.frames.Next(into); err != nil && err != io.EOF {
			return err
		} else if n != 1 {
			return fmt.Errorf("reading pattern %d: the file ended", s.next)
		}
	}
	return nil
}

func (s *streamed) close() { _ = s.frames.Close() }

// loadedSource holds all patterns.
type loadedSource struct {
	patterns *ndarray.Float32
	image    int
}

func (l *loadedSource) read(id int, into []float32) error {
	copy(into, l.patterns.Data[id*l.image:(id+1)*l.image])
	return nil
}

func (*loadedSource) close() {}

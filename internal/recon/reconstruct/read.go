package reconstruct

import (
	"fmt"
	"io"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/dataset"
)

// Reader reads the patterns of a Reconstruction once, from the first batch to the last.
type Reader struct {
	*Reconstruction
	source source
	lit    bool // some pattern has light
}

// Reader starts reading. It streams single patterns in the file's order. Groups of neighbours need patterns from all
// over the scan, so it loads the complete scan for them.
func (r *Reconstruction) Reader() (*Reader, error) {
	source, err := r.source()
	if err != nil {
		return nil, err
	}
	return &Reader{Reconstruction: r, source: source}, nil
}

// Read writes the patterns (B, C, N, N) of batch i into an array of at least as many values. Batches come in ascending
// order.
func (r *Reader) Read(i int, into []float32) error {
	image, slot := r.N*r.N, 0
	for _, group := range r.groupsOf(i) {
		for _, id := range group {
			pattern := into[slot*image : (slot+1)*image]
			if err := r.source.read(id, pattern); err != nil {
				return err
			}
			r.lit = r.lit || slices.Max(pattern) > 0
			slot++
		}
	}
	return nil
}

// CheckLight refuses, after the last batch, a scan without any light.
func (r *Reader) CheckLight() error {
	if r.lit {
		return nil
	}
	return &badinput.Error{
		File: r.scan.Path, Key: "diff3d",
		Found: fmt.Sprintf("no light in any of the %d patterns", len(r.groups)*r.Channels), Expected: "some",
	}
}

// Close stops reading.
func (r *Reader) Close() { r.source.close() }

// source reads single patterns by their index.
type source interface {
	read(id int, into []float32) error
	close()
}

func (r *Reconstruction) source() (source, error) {
	if r.Channels == 1 {
		frames, err := r.scan.Frames()
		if err != nil {
			return nil, err
		}
		return &streamedSource{frames: frames}, nil
	}
	all, err := r.scan.Load()
	if err != nil {
		return nil, err
	}
	return &loadedSource{patterns: all, image: r.scan.N * r.scan.N}, nil
}

// streamedSource reads frames in the file's order and skips those that are not needed.
type streamedSource struct {
	frames *dataset.Frames
	next   int
}

func (s *streamedSource) read(id int, into []float32) error {
	if id < s.next {
		return fmt.Errorf("pattern %d after pattern %d: a stream only goes forward", id, s.next-1)
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

func (s *streamedSource) close() { _ = s.frames.Close() }

// loadedSource holds all patterns, (K, N, N).
type loadedSource struct {
	patterns *ndarray.Float32
	image    int
}

func (l *loadedSource) read(id int, into []float32) error {
	copy(into, l.patterns.Data[id*l.image:(id+1)*l.image])
	return nil
}

func (*loadedSource) close() {}

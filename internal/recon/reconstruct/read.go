package reconstruct

import (
	"fmt"
	"io"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/dataset"
)

// Reader reads the patterns of a Reconstruction once, from the first batch to the last.
type Reader struct {
	*Reconstruction
	read  func(id int, into []float32) error // one pattern, (N, N)
	close func() error
	lit   bool // some pattern has light
}

// Reader starts reading. It streams single patterns in the file's order. Groups of neighbours need patterns from all
// over the scan, so it loads the complete scan for them.
func (r *Reconstruction) Reader() (*Reader, error) {
	if r.Channels == 1 {
		frames, err := r.scan.Frames()
		if err != nil {
			return nil, err
		}
		forward := &forward{frames: frames}
		return &Reader{Reconstruction: r, read: forward.read, close: frames.Close}, nil
	}
	all, err := r.scan.Load() // (K, N, N)
	if err != nil {
		return nil, err
	}
	image := r.scan.N * r.scan.N
	read := func(id int, into []float32) error {
		copy(into, all.Data[id*image:(id+1)*image])
		return nil
	}
	return &Reader{Reconstruction: r, read: read, close: func() error { return nil }}, nil
}

// Read writes the patterns (B, C, N, N) of batch i into an array of at least as many values. Batches come in ascending
// order.
func (r *Reader) Read(i int, into []float32) error {
	image, slot := r.N*r.N, 0
	for _, group := range r.groupsOf(i) {
		for _, id := range group {
			pattern := into[slot*image : (slot+1)*image]
			if err := r.read(id, pattern); err != nil {
				return err
			}
			r.note(id, pattern)
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
func (r *Reader) Close() { _ = r.close() }

// forward reads frames in the file's order and skips those that are not needed.
type forward struct {
	frames *dataset.Frames
	next   int
}

func (f *forward) read(id int, into []float32) error {
	if id < f.next {
		return fmt.Errorf("pattern %d after pattern %d: frames are read forward only", id, f.next-1)
	}
	for ; f.next <= id; f.next++ {
		if n, err := f.frames.Next(into); err != nil && err != io.EOF {
			return err
		} else if n != 1 {
			return fmt.Errorf("reading pattern %d: the file ended", f.next)
		}
	}
	return nil
}

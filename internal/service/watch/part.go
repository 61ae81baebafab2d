package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/stitch"
)

// part takes the frames of a settled file. A file with any fault gives none: all of it is read once before its first frame is taken, as
// a checksum stands behind what it is of. When ctx is done the frames so far are taken, and the next call goes on from there.
func (w *Watcher) part(ctx context.Context, f *file) error {
	scan, err := w.open(f.path)
	if err != nil {
		return err
	}
	defer scan.Close()
	if scan.Live() {
		return &badinput.Error{File: f.path, Found: "a file that its writer has open", Expected: "a part of the scan that is finished", Remedy: "to follow one file that grows, name the file"}
	}
	ids, err := w.o.ids(scan)
	if err != nil {
		return err
	}
	if !f.whole {
		if err := readThrough(ctx, scan, false); err != nil {
			return err
		}
		f.whole = true
	}
	frames, err := scan.FramesFrom(f.next)
	if err != nil {
		return err
	}
	defer frames.Close()
	before := w.object.largest
	pattern := make([]float32, scan.N*scan.N)
	for ; f.next < scan.M; f.next++ {
		if ctx.Err() != nil {
			return nil
		}
		if _, err := frames.Next(pattern); err != nil {
			return err
		}
		if f.changed() {
			return errChanged
		}
		i := f.next
		one := frame{id: ids[i], from: f}
		if !w.placed(&one, scan, i, before) {
			continue
		}
		if err := w.take(one, pattern, before); err != nil {
			return err
		}
	}
	f.taken()
	return nil
}

// open opens a file for the model. What the reader remarks is passed on for the first file alone: it holds for the others.
func (w *Watcher) open(path string) (*dataset.Scan, error) {
	opt := w.o.Read
	opt.Part, opt.Growing, opt.NoPositions, opt.NoProbe, opt.NoObject = true, w.files.single, w.positions != nil, true, true
	if !w.quiet {
		opt.Log = w.o.Log
	}
	scan, err := dataset.Open(path, opt)
	if err != nil {
		return nil, err
	}
	if err := reconstruct.Fits(scan, w.o.Contract); err != nil {
		_ = scan.Close()
		return nil, err
	}
	w.quiet = true
	return scan, nil
}

// errChanged is no fault: the file is taken when it has settled again.
var errChanged = errors.New("the file changed while it was read")

// readThrough reads all patterns for the sake of their faults; with anyValues, of those of the file alone, not of a frame's values.
func readThrough(ctx context.Context, scan *dataset.Scan, anyValues bool) error {
	frames, err := scan.Frames()
	if err != nil {
		return err
	}
	defer frames.Close()
	pattern := make([]float32, scan.N*scan.N)
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s: %w", scan.Path, err)
		}
		if _, err := frames.Next(pattern); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil && !(anyValues && frames.Spoilt()) {
			return err
		}
	}
}

// take counts a frame and, if it is new, hands it to the network. before is the largest id that was there before its file.
func (w *Watcher) take(f frame, pattern []float32, before int64) error {
	f.sum = sumOf(f, pattern)
	_, waited := w.waiting[f.id]
	delete(w.waiting, f.id)
	known, repeated := w.object.claim(f)
	switch {
	case repeated && known.sum != f.sum:
		w.object.differ[f.id] = true
		w.remark(f, fmt.Errorf("frame %d differs from the one of the same id that is in the object, which stays", f.id))
		return nil
	case repeated:
		if !w.files.single && !f.from.again { // a single file has all frames again each time it is replaced
			w.counts.Repeated++
		}
		return nil
	}
	if !waited {
		w.sight(f.id, before)
	}
	w.news = w.o.Clock.Now()
	if w.network.add(f, pattern) {
		return w.stitch()
	}
	return nil
}

// stitch runs the network on what has gathered, and puts it on the canvas.
func (w *Watcher) stitch() error {
	frames, patches, err := w.network.run()
	if err != nil {
		return &fatalError{err}
	}
	image := w.o.Contract.N * w.o.Contract.N
	for i, f := range frames {
		if err := w.object.put(f, patches[i*image:(i+1)*image]); err != nil {
			w.remark(f, refusal(f, err))
		}
	}
	return nil
}

// refusal says why a frame is not in the object.
func refusal(f frame, err error) error {
	var bad *badinput.Error
	switch {
	case errors.As(err, &bad):
		named := *bad
		named.File = f.from.path
		return &named
	case errors.Is(err, stitch.ErrValue):
		return &badinput.Error{File: f.from.path, Key: dataset.KeyPatterns, Found: fmt.Sprintf("frame %d, of which the network makes no transmission", f.id),
			Expected: "patterns as the model was trained with", Remedy: "see whether they are amplitudes (--input)", Cause: err}
	}
	return fmt.Errorf("%s: %w", f.from.path, err)
}

// remark tells of a frame, once for each file: what is wrong with one is mostly wrong with all.
func (w *Watcher) remark(f frame, err error) {
	if !f.from.named {
		f.from.named = true
		w.o.Log.Warn("a frame is passed over, and perhaps more of this file", "file", f.from.path, "frame", f.id, "error", err)
	}
}

// sumOf is a checksum (FNV-1a, by values) of what makes a frame.
func sumOf(f frame, pattern []float32) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	sum := uint64(offset)
	for _, v := range []float64{f.x, f.y} {
		sum = (sum ^ math.Float64bits(v)) * prime
	}
	for _, v := range pattern {
		sum = (sum ^ uint64(math.Float32bits(v))) * prime
	}
	return sum
}

package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
	"ptyx/stitch"
)

// firstWindow is how many dark rows are skipped at once in search of one with light after them. A dataset that was
// created in full length has many more, and reading all of them at each look would delay the frames that come.
const firstWindow = 1024

// errChanged is no fault: the file is read again when it has settled.
var errChanged = errors.New("the file changed while it was read")

// read reads the new frames of a file. If ctx is done, the next call resumes.
//
// A part file is read when it has settled. If it has any fault, none of its frames is used: it is read completely
// before the first one. A single NPZ file is replaced by a longer one and then read from its beginning. A single HDF5
// file is read from its first new row, also before it has settled if its writer allows readers (SWMR). Single files
// will not be written again, so only the faulty frames are refused.
func (w *Watcher) read(ctx context.Context, f *file, settled bool) error {
	growsByRows := w.files.single && source.IsHDF5(f.path)
	if !growsByRows && !settled {
		return nil
	}
	scan, err := w.open(f.path)
	if err != nil {
		return err
	}
	defer scan.Close()
	switch live := scan.Live(); {
	case live && !w.files.single:
		return &badinput.Error{
			File: f.path, Found: "a file that its writer has open", Expected: "a finished part of the scan",
			Remedy: "to follow one file that grows, name the file",
		}
	case !live && !settled:
		return nil
	}
	ids, err := w.o.ids(scan)
	if err != nil {
		return err
	}
	if !growsByRows && !f.checked {
		if err := checkPatterns(ctx, scan, w.files.single); err != nil {
			return err
		}
		f.next = 0
	}
	f.checked = true
	if f.next > scan.M { // another file in its place
		f.next = 0
	}
	complete, err := w.readRows(ctx, f, scan, ids, growsByRows)
	if complete {
		f.markDone()
	}
	if f.next > 0 && w.o.Inspect != nil {
		w.o.Inspect(scan)
		w.o.Inspect = nil
	}
	return err
}

// open opens a file for the model. It logs the reader's remarks on the first file only: they are the same for all.
func (w *Watcher) open(path string) (*dataset.Scan, error) {
	opt := w.o.Read
	opt.Part, opt.Growing, opt.NoPositions = true, w.files.single, w.positions != nil
	opt.NoProbe, opt.NoObject = true, true
	if w.positions != nil { // whose columns these are
		opt.View.X, opt.View.Y, opt.View.Unit = "", "", ""
	}
	if !w.remarksLogged {
		opt.Log = w.o.Log
	}
	scan, err := dataset.Open(path, opt)
	if err != nil {
		return nil, err
	}
	if p := w.positions; p != nil && p.metres && scan.Geometry.PixelX*scan.Geometry.PixelY == 0 {
		_ = scan.Close()
		return nil, noPixelSize(path)
	}
	if err := reconstruct.Fits(scan, w.o.Contract); err != nil {
		_ = scan.Close()
		return nil, err
	}
	w.remarksLogged, w.object.scale, w.measured = true, scan.PixelScale, scan.Measured
	w.pixelNM = metresToNM * scan.Geometry.PixelX
	if w.o.Read.View.Crop.Auto { // every pattern of a scan is cropped alike
		w.o.Read.View.Crop = scan.Crop
	}
	return scan, nil
}

// noPixelSize is the error for positions in metres that nothing turns into pixels.
func noPixelSize(path string) error {
	return &badinput.Error{
		File: path, Found: "no pixel size of the object", Expected: "one, as the positions are in metres",
		Remedy: "give --pixel-size-nm, or --energy-ev, --distance-m and --detector-pixel-um",
	}
}

// checkPatterns reads all patterns and returns the first fault; with fileOnly it ignores wrong values of single frames.
func checkPatterns(ctx context.Context, scan *dataset.Scan, fileOnly bool) error {
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
		} else if err != nil && !(fileOnly && frames.Spoilt()) {
			return err
		}
	}
}

// readRows reads the frames from f.next on and reports whether it reached the end. With holdDark it holds dark frames
// back until one with light follows, because rows that are not written yet are dark. If it finds no light among
// f.window of them, it stops, and the next look searches twice as many.
func (w *Watcher) readRows(
	ctx context.Context, f *file, scan *dataset.Scan, ids []int64, holdDark bool,
) (complete bool, err error) {
	frames, err := scan.FramesFrom(f.next)
	if err != nil {
		return false, err
	}
	defer frames.Close()
	before := w.object.largest
	pattern, dark := make([]float32, scan.N*scan.N), make([]float32, scan.N*scan.N)
	for i := f.next; i < scan.M; i++ {
		if f.window = max(f.window, firstWindow); i-f.next >= f.window && !w.ending {
			f.window *= 2
			return false, nil
		}
		if ctx.Err() != nil {
			return false, nil
		}
		_, fault := frames.Next(pattern)
		if fault != nil && !(w.files.single && frames.Spoilt()) {
			return false, fault
		}
		if !scan.Live() && f.changed() {
			return false, errChanged
		}
		if fault == nil && holdDark && slices.Max(pattern) == 0 {
			continue
		}
		for ; f.next < i; f.next++ {
			if err := w.addRow(f, scan, ids, f.next, dark, before); err != nil {
				return false, err
			}
		}
		f.next, f.window = i+1, firstWindow
		if fault != nil {
			w.refuse(frame{id: ids[i], from: f}, fault)
		} else if err := w.addRow(f, scan, ids, i, pattern, before); err != nil {
			return false, err
		}
	}
	return true, nil
}

// addRow adds the frame in a row, if its position is known.
func (w *Watcher) addRow(f *file, scan *dataset.Scan, ids []int64, row int, pattern []float32, before int64) error {
	one := frame{id: ids[row], from: f}
	if !w.locate(&one, scan, row, before) {
		return nil
	}
	return w.add(one, pattern, before)
}

// add counts a frame. If it is new, it goes to the network. before is the largest id that was seen before its file.
func (w *Watcher) add(f frame, pattern []float32, before int64) error {
	f.sum = checksum(f, pattern)
	_, waited := w.waiting[f.id]
	delete(w.waiting, f.id)
	sum, repeated := w.object.claim(f)
	switch {
	case repeated && sum != f.sum:
		w.object.differ[f.id] = true
		w.remark(f, fmt.Errorf("frame %d differs from the earlier frame of that id, which stays in the object", f.id))
		return nil
	case repeated:
		// Each version of a single file repeats all frames of the one before.
		if !w.files.single && !f.from.rereading {
			w.counts.Repeated++
		}
		return nil
	}
	if !waited {
		w.noteNew(f.id, before)
	}
	w.news = w.o.Clock.Now()
	if w.network.add(f, pattern, w.o.Clock.Now()) {
		return w.stitch(false)
	}
	return nil
}

// noteNew counts an id when it is first seen.
func (w *Watcher) noteNew(id, before int64) {
	if id < before {
		w.counts.Late++
	}
	w.object.largest = max(w.object.largest, id)
	w.gaps.see(id)
	w.news = w.o.Clock.Now()
}

// refuse notes a frame that cannot be used.
func (w *Watcher) refuse(f frame, err error) {
	if _, there := w.object.sums.get(f.id); there {
		return
	}
	w.object.refused[f.id] = true
	w.object.largest = max(w.object.largest, f.id)
	w.gaps.see(f.id)
	w.remark(f, err)
}

// stitch runs the network on the gathered frames and adds the patches to the canvas. With all false, the first frames
// may wait until the exposure is known.
func (w *Watcher) stitch(all bool) error {
	if !w.expose(all) {
		return nil
	}
	for {
		frames, patterns, patches, err := w.network.run()
		if err != nil {
			return &fatalError{err}
		}
		if frames == nil {
			return nil
		}
		image := w.o.Contract.N * w.o.Contract.N
		for i, f := range frames {
			if err := w.object.put(f, patches[i*image:(i+1)*image], patterns[i*image:(i+1)*image]); err != nil {
				w.remark(f, refusal(f, err))
				continue
			}
			w.refining.add(w, f, patterns[i*image:(i+1)*image])
			w.o.Page.added(f, patterns[i*image:(i+1)*image], w.measured)
		}
	}
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
		return &badinput.Error{
			File: f.from.path, Key: dataset.KeyPatterns, Cause: err,
			Found:    fmt.Sprintf("frame %d, for which the network returns no transmission", f.id),
			Expected: "patterns as the model was trained with", Remedy: "check whether they are amplitudes (--input)",
		}
	}
	return fmt.Errorf("%s: %w", f.from.path, err)
}

// remark logs what is wrong with a frame, once per file: usually it is wrong with all.
func (w *Watcher) remark(f frame, err error) {
	if !f.from.remarked {
		f.from.remarked = true
		w.o.Log.Warn("a frame is skipped; further ones of this file are not reported",
			"file", f.from.path, "frame", f.id, "error", err)
	}
}

package watch

import (
	"context"
	"slices"

	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
)

// growing takes the new frames of the one file that is followed. An NPZ file has been replaced by a longer one, and is read from its
// beginning once it has settled. An HDF5 file is read from the first new row on: once it has settled, or at any time while its writer
// lets it be read. A frame with a fault is passed over, and those behind it are taken: the file is not going to be written again.
func (w *Watcher) growing(ctx context.Context, f *file, settled bool) error {
	rows := source.IsHDF5(f.path)
	if !rows && !settled {
		return nil
	}
	scan, err := w.open(f.path)
	if err != nil {
		return err
	}
	defer scan.Close()
	if !settled && !scan.Live() {
		return nil
	}
	ids, err := w.o.ids(scan)
	if err != nil {
		return err
	}
	if !rows && !f.whole {
		if err := readThrough(ctx, scan, true); err != nil {
			return err
		}
		f.next = 0
	}
	f.whole = true
	if f.next > scan.M { // another file in its place
		f.next = 0
	}
	if err := w.rows(ctx, f, scan, ids, rows); err != nil {
		return err
	}
	if ctx.Err() == nil {
		f.taken()
	}
	return nil
}

// rows takes the frames from f.next on. With hold, dark ones are held back until one with light is behind them: rows that are there and
// not written yet are dark.
func (w *Watcher) rows(ctx context.Context, f *file, scan *dataset.Scan, ids []int64, hold bool) error {
	frames, err := scan.FramesFrom(f.next)
	if err != nil {
		return err
	}
	defer frames.Close()
	before := w.object.largest
	pattern, dark := make([]float32, scan.N*scan.N), make([]float32, scan.N*scan.N)
	for i := f.next; i < scan.M && i-f.next < mostDark; i++ {
		if ctx.Err() != nil {
			return nil
		}
		if _, err = frames.Next(pattern); err != nil && !frames.Spoilt() {
			return err
		}
		if !scan.Live() && f.changed() {
			return errChanged
		}
		if err == nil && hold && slices.Max(pattern) == 0 {
			continue
		}
		for ; f.next < i; f.next++ {
			one := frame{id: ids[f.next], from: f}
			if !w.placed(&one, scan, f.next, before) {
				continue
			}
			if err := w.take(one, dark, before); err != nil {
				return err
			}
		}
		f.next = i + 1
		one := frame{id: ids[i], from: f}
		if err != nil {
			w.refuse(one, err)
		} else if w.placed(&one, scan, i, before) {
			if err := w.take(one, pattern, before); err != nil {
				return err
			}
		}
	}
	return nil
}

// mostDark is how many dark rows are looked at for one with light behind them.
const mostDark = 1024

// refuse notes a frame of which nothing can be made.
func (w *Watcher) refuse(f frame, err error) {
	if _, there := w.object.frames[f.id]; there {
		return
	}
	w.object.refused[f.id] = true
	w.object.largest = max(w.object.largest, f.id)
	w.remark(f, err)
}

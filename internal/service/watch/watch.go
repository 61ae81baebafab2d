// Package watch follows a scan while it is measured, and keeps its object up to date.
//
// The nouns: a Watcher looks at a place again and again, by the sizes and times of files alone, which works on any file system. A
// part is a file that has settled: the writer is done with it. Its frames are told apart by ids, never by when they came; they go
// through the network and onto a canvas that grows, and every now and then the object so far is handed to Options.Save. A Tally counts
// what came, what came twice or late, and what is missing.
//
// It stands where package reconstruct stands for a whole scan, and the object of given frames is the same bytes. Nothing is kept
// between two runs: one that was killed begins again from the files. The package links no Gorgonia.
package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/stitch"
)

// Options say what is followed, how, and until when.
type Options struct {
	Path          string          // a directory of part files, or a file that grows
	Single        bool            // it is a file
	Read          dataset.Options // how a file is understood
	Positions     string          // a file with the positions, CSV or NPZ with ids; empty: they are with the patterns
	FramesPerFile int             // of part files that are numbered and have no ids; 0: one each
	FirstFile     int             // the number of the first of them
	BatchSize     int             // patterns handed to the network at once

	Frames   int           // how many there will be; 0: not known
	Interval time.Duration // between two looks
	Idle     time.Duration // without news, after which it ends; 0: never
	GiveUp   time.Duration // after which a file that cannot be read is called broken
	Every    time.Duration // the least time between two calls of Save
	Grace    time.Duration // for what is there when ctx is done

	Contract  contract.Contract
	Predictor predict.Predictor
	Save      func(*reconstruct.Result) error
	Clock     Clock
	Log       *slog.Logger
}

// End is why a watch ended.
type End string

// The ways to end.
const (
	Complete    End = "complete"    // all frames that were said to come
	Idle        End = "idle"        // nothing new for long enough
	Interrupted End = "interrupted" // by a signal
)

// Outcome is what was reached.
type Outcome struct {
	Tally
	Ended  End
	Result *reconstruct.Result // nil: no frame came
}

// check refuses what cannot be followed.
func (o Options) check() error {
	for _, d := range []struct {
		flag  string
		value time.Duration
		least time.Duration
	}{{"--interval", o.Interval, time.Millisecond}, {"--idle", o.Idle, 0}, {"--give-up", o.GiveUp, 0}, {"--every", o.Every, 0}, {"--grace", o.Grace, 0}} {
		if d.value < d.least {
			return &badinput.Error{Key: d.flag, Found: d.value.String(), Expected: fmt.Sprintf("%v or more", d.least)}
		}
	}
	for _, n := range []struct {
		flag         string
		value, least int
	}{{"--frames", o.Frames, 0}, {"--frames-per-file", o.FramesPerFile, 0}, {"--first-file", o.FirstFile, 0}, {"--batch-size", o.BatchSize, 1}} {
		if n.value < n.least {
			return &badinput.Error{Key: n.flag, Found: fmt.Sprint(n.value), Expected: fmt.Sprintf("%d or more", n.least)}
		}
	}
	if o.Contract.Channels != 1 {
		return &badinput.Error{Key: "channels", Found: fmt.Sprintf("a model of %d neighbours at once", o.Contract.Channels),
			Expected: "one of single patterns, as frames come one by one", Remedy: "train with --grouping shared"}
	}
	return nil
}

// Watcher follows one place. It is for one goroutine.
type Watcher struct {
	o         Options
	files     *files
	object    *object
	network   *network
	positions *positions // nil: they are with the patterns
	waiting   map[int64]waiting
	counts    Tally
	blind     bool // the last look failed, and was told of
	quiet     bool // the reader's remarks have been passed on, once
	news      time.Time
	saved     time.Time
	took      time.Duration       // by the last call of Save
	version   int                 // of the object that was saved last
	last      *reconstruct.Result // that was saved
}

// Run follows until the end. When ctx is done it finishes what is there and returns without an error.
func Run(ctx context.Context, o Options) (out *Outcome, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	canvas, err := stitch.NewGrowing(o.Contract.N, reconstruct.Weights(o.Contract))
	if err != nil {
		return nil, err
	}
	w := &Watcher{o: o, files: newFiles(o.Path, o.Single, o.Positions), object: newObject(canvas), waiting: map[int64]waiting{}, network: newNetwork(o.Predictor, o.Contract.N, o.BatchSize)}
	defer func() { err = errors.Join(err, w.network.cache.Close()) }()
	if o.Positions != "" {
		w.positions = &positions{path: o.Positions, view: o.Read.View, at: map[int64]place{}}
	}
	w.news, w.saved = o.Clock.Now(), o.Clock.Now()
	ended, err := w.follow(ctx)
	if err != nil {
		return nil, err
	}
	w.giveUp()
	if err := w.save(); err != nil {
		return nil, err
	}
	return &Outcome{Tally: w.tally(), Ended: ended, Result: w.last}, nil
}

// follow looks until something ends it.
func (w *Watcher) follow(ctx context.Context) (End, error) {
	for {
		if ctx.Err() != nil {
			return Interrupted, w.lastLook(ctx)
		}
		if err := w.look(ctx); err != nil {
			return "", err
		}
		switch now := w.o.Clock.Now(); {
		case w.complete():
			return Complete, nil
		case w.o.Idle > 0 && now.Sub(w.news) >= w.o.Idle:
			return Idle, nil
		}
		if w.due() {
			if err := w.save(); err != nil {
				return "", err
			}
		}
		w.o.Clock.Sleep(ctx, w.o.Interval)
	}
}

// lastLook takes what is there when the end comes, as far as the grace reaches: what is too new to be taken is waited for, once.
func (w *Watcher) lastLook(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.o.Grace)
	defer cancel()
	if err := w.look(ctx); err != nil || !w.files.unsettled(w.o.Clock.Now(), w.o.Interval) {
		return err
	}
	w.o.Clock.Sleep(ctx, w.o.Interval)
	return w.look(ctx)
}

// look takes the frames of all files that have settled since the last one. It stops between two batches when ctx is done.
func (w *Watcher) look(ctx context.Context) error {
	now := w.o.Clock.Now()
	w.pair()
	open, changed, err := w.files.look(now)
	if err != nil {
		if !w.blind {
			w.o.Log.Warn("cannot look, and tries again", "path", w.o.Path, "error", err)
		}
		w.blind = true
		return w.stitch()
	}
	w.blind = false
	if changed {
		w.news = now
	}
	for _, f := range open {
		if ctx.Err() != nil || w.complete() {
			break
		}
		settled := f.settled(now, w.o.Interval)
		switch {
		case w.files.single:
			err = w.growing(ctx, f, settled)
		case settled:
			err = w.part(ctx, f)
		default:
			continue
		}
		var fatal *fatalError
		switch {
		case errors.As(err, &fatal):
			return fatal.error
		case err != nil && (ctx.Err() != nil || !settled || errors.Is(err, errChanged)): // cut short, or still being written: no fault of the file
		case err != nil:
			if sentence := f.failed(err, now, w.o.GiveUp); sentence != "" {
				w.o.Log.Warn("a file is passed over", "error", sentence)
			}
		}
		if w.due() {
			if err := w.save(); err != nil {
				return err
			}
		}
	}
	return w.stitch()
}

// complete tells whether all frames that were said to come are there, or on their way through the network.
func (w *Watcher) complete() bool {
	return w.o.Frames > 0 && len(w.object.frames)+len(w.object.coming) >= w.o.Frames
}

// giveUp names the files that could not be read until the end.
func (w *Watcher) giveUp() {
	if w.positions != nil {
		w.complain(false, 0)
	}
	for _, f := range w.files.sorted() {
		switch {
		case f.fault != nil && !f.broken:
			f.broken = true
			w.o.Log.Warn("a file is passed over", "error", f.fault.Error())
		case f.fault == nil && !f.done:
			w.o.Log.Warn("a file was not read before the end", "file", f.path)
		}
	}
}

// due tells whether the object has changed, and the last save is long enough ago: saving may take a fifth of the time.
func (w *Watcher) due() bool {
	const share = 4
	return w.object.version != w.version && w.o.Clock.Now().Sub(w.saved) >= max(w.o.Every, share*w.took)
}

// save hands the object over, if it has changed, and says how far it is.
func (w *Watcher) save() error {
	if w.object.version == w.version {
		return nil
	}
	start := w.o.Clock.Now()
	w.last = w.object.result(w.o.Predictor.Provider(), w.o.Contract.Probe)
	if err := w.o.Save(w.last); err != nil {
		return err
	}
	w.version, w.saved = w.object.version, w.o.Clock.Now()
	w.took = w.saved.Sub(start)
	w.o.Log.Info("object updated", w.tally().attributes()...)
	return nil
}

// fatalError ends the watch: it is no fault of a file.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }

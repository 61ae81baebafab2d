// Package watch follows a scan while it is measured and keeps its object up to date. In the data's path it takes the
// place of package reconstruct for files that arrive one by one, and the object of given frames has the same bytes.
//
// A [Watcher] looks at a directory, or at one file that grows, again and again. It uses only sizes and times of files,
// which every file system has. A part is a file that has settled: its writer is done. Its frames are identified by ids,
// whatever the order of their arrival. They go through the network onto a canvas that grows, and from time to time the
// object is passed to Options.Save. A [Tally] counts what came, what came twice or late, and what is missing.
//
// Nothing is stored between two runs: a killed watch starts again from the files. The package links no Gorgonia.
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
)

// Options configure a watch.
type Options struct {
	Path          string          // a directory of part files, or a file that grows
	Single        bool            // Path is a file
	Read          dataset.Options // how to read a file
	Positions     string          // file of positions, CSV or NPZ with ids; empty: they are with the patterns
	FramesPerFile int             // of numbered part files without ids; 0: one
	FirstFile     int             // number of the first of them
	BatchSize     int             // patterns of a full batch
	Workers       int             // batches that the network computes at the same time; 0: one
	Stream        Stream          // a detector to follow instead of Path

	Frames   int           // how many will come; 0: unknown
	Interval time.Duration // between two looks
	Idle     time.Duration // the watch ends after that time without news; 0: never
	GiveUp   time.Duration // a file that cannot be read for so long is broken; at the end, Save is tried so long
	Every    time.Duration // least time between two calls of Save
	Grace    time.Duration // for the files that are there when ctx is done

	Contract  contract.Contract
	Predictor predict.Predictor
	Exposure  Exposure                        // of a network that takes the probe
	Refiner   Refiner                         // nil: the object is the network's alone
	Save      func(*reconstruct.Result) error // is called again later if it fails
	Inspect   func(*dataset.Scan)             // is called once, with the first file that gave frames; nil: nothing
	Page      *Page                           // shows the object meanwhile; nil: nothing does
	Clock     Clock
	Log       *slog.Logger
}

// End is why a watch ended.
type End string

// The reasons for the end of a watch.
const (
	Complete    End = "complete"     // Options.Frames, or those of the detector's series, have come
	SeriesEnd   End = "series ended" // with fewer frames than were to come
	Idle        End = "idle"         // nothing new for Options.Idle
	Interrupted End = "interrupted"  // by ctx
)

// Outcome is the result of a watch.
type Outcome struct {
	Tally
	Ended  End
	Result *reconstruct.Result // nil: no frame came
	// Unrefined is the number of frames that the refiner did not get, because there was no room for them. If there are
	// any, it has made no last passes.
	Unrefined int
}

func (o Options) check() error {
	for _, c := range []struct {
		flag         string
		value, least any
		bad          bool
	}{
		{"--interval", o.Interval, time.Millisecond, o.Interval < time.Millisecond},
		{"--idle", o.Idle, 0, o.Idle < 0},
		{"--give-up", o.GiveUp, 0, o.GiveUp < 0},
		{"--every", o.Every, 0, o.Every < 0},
		{"--grace", o.Grace, 0, o.Grace < 0},
		{"--frames", o.Frames, 0, o.Frames < 0},
		{"--frames-per-file", o.FramesPerFile, 0, o.FramesPerFile < 0},
		{"--first-file", o.FirstFile, 0, o.FirstFile < 0},
		{"--batch-size", o.BatchSize, 1, o.BatchSize < 1},
	} {
		if c.bad {
			return &badinput.Error{Key: c.flag, Found: fmt.Sprint(c.value),
				Expected: fmt.Sprintf("%v or more", c.least)}
		}
	}
	if err := o.Stream.check(o.Positions, o.Read.View); err != nil {
		return err
	}
	if err := o.Read.View.CheckMask(); err != nil {
		return err
	}
	if o.Contract.Channels != 1 {
		return &badinput.Error{
			Key: "channels", Found: fmt.Sprintf("a model of groups of %d patterns", o.Contract.Channels),
			Expected: "one of single patterns, since frames arrive one by one", Remedy: "train with --grouping shared",
		}
	}
	return nil
}

// Watcher follows one path. One goroutine uses it.
type Watcher struct {
	o             Options
	files         *files
	object        *object
	network       *network
	positions     *positions        // nil: they are with the patterns
	stream        *stream           // nil: files are followed
	waiting       map[int64]waiting // frames without a position, by id
	counts        Tally
	lookFailed    bool // the last look failed, and that was logged
	ending        bool // this look is one of the last, which search all dark rows
	remarksLogged bool // the reader's remarks on the first file
	news          time.Time
	saving        saving
	measured      []bool              // (N*N), pixels of the patterns that count; nil: all
	refining      *refining           // nil: the object is the network's alone
	pixelNM       float64             // width of a pixel of the object in nanometres; 0: unknown
	gaps          gaps                // ids that did not come in files
	last          *reconstruct.Result // that was saved at the end
}

// keepPatches keeps patches on disk until the end; those that take the place of a network's are all alike.
func keepPatches(o Options) *reconstruct.PatchFile {
	if _, blank := o.Predictor.(predict.Blank); blank {
		return nil
	}
	return reconstruct.KeepPatches(o.Contract, o.Stream.Scratch, o.Stream.Room)
}

// Run follows Options.Path until the end. When ctx is done it finishes the files that are there and returns no error.
func Run(ctx context.Context, o Options) (out *Outcome, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	canvas, err := reconstruct.NewCanvas(o.Contract)
	if err != nil {
		return nil, err
	}
	w := &Watcher{
		o: o, files: newFiles(o.Path, o.Single, o.Positions), waiting: map[int64]waiting{},
		object:  newObject(canvas, keepPatches(o)),
		network: newNetwork(o), news: o.Clock.Now(),
		saving: saving{last: o.Clock.Now()},
	}
	defer w.object.patches.Close()
	defer func() { err = errors.Join(err, w.network.close()) }()
	defer w.collect(true)
	if o.Positions != "" || o.Stream.Address != "" {
		w.positions = newPositions(o.Positions, o.Read.View)
	}
	o.Page.begin(canvas, o.Refiner)
	w.startRefining(ctx)
	defer w.refining.halt()
	follow := w.follow
	if o.Stream.Address != "" {
		follow = w.followStream
	}
	ended, err := follow(ctx)
	defer func() { o.Page.end(w, ended) }()
	if err == nil {
		err = unwrapFatal(w.stitch(true))
	}
	if err != nil {
		return nil, err
	}
	w.reportUnread()
	w.refining.halt()
	o.Page.finish(w)
	w.agree(ctx)
	if err := w.saveLast(ctx); err != nil {
		return nil, err
	}
	return &Outcome{Tally: w.tally(), Ended: ended, Result: w.last, Unrefined: w.refining.unrefined()}, nil
}

// follow looks again and again until the watch ends.
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
		case w.o.Idle > 0 && now.Sub(w.news) >= w.o.Idle && !w.files.searching():
			return Idle, nil
		}
		w.saveIfDue()
		w.o.Page.update(w)
		w.o.Clock.Sleep(ctx, w.o.Interval)
	}
}

// lastLook reads the files that are there, within the grace. If some are too new, it waits for one interval.
func (w *Watcher) lastLook(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.o.Grace)
	defer cancel()
	w.ending = true
	if err := w.look(ctx); err != nil || !w.files.unsettled(w.o.Clock.Now(), w.o.Interval) {
		return err
	}
	w.o.Clock.Sleep(ctx, w.o.Interval)
	return w.look(ctx)
}

// look reads the frames of all files that have settled since the last look. When ctx is done it stops between two
// frames.
func (w *Watcher) look(ctx context.Context) error {
	now := w.o.Clock.Now()
	w.updatePositions()
	open, changed, err := w.files.look(now)
	if err != nil && !w.lookFailed {
		w.o.Log.Warn("cannot look at the files; trying again", "path", w.o.Path, "error", err)
	}
	w.lookFailed = err != nil
	if changed {
		w.news = now
	}
	for _, f := range open {
		if ctx.Err() != nil || w.complete() {
			break
		}
		if err := w.readFile(ctx, f, now); err != nil {
			return err
		}
		w.saveIfDue()
		w.o.Page.update(w)
	}
	return w.stitch(w.ending)
}

// readFile reads a file if it has settled, or grows by rows. It returns only fatal errors.
func (w *Watcher) readFile(ctx context.Context, f *file, now time.Time) error {
	settled := f.settled(now, w.o.Interval)
	if !settled && !w.files.single {
		return nil
	}
	err := w.read(ctx, f, settled)
	if fatal := (*fatalError)(nil); errors.As(err, &fatal) {
		return fatal.error
	}
	interrupted := ctx.Err() != nil || !settled || errors.Is(err, errChanged) // no fault of the file
	if err != nil && !interrupted && f.failed(err, now, w.o.GiveUp) {
		w.o.Log.Warn("a file is skipped", "error", err)
	}
	return nil
}

// complete reports whether all frames that are to come are in the object or in the network.
func (w *Watcher) complete() bool {
	frames := w.o.Frames
	if s := w.stream; frames == 0 && s != nil && s.images > 0 {
		frames = s.images + s.beyond
	}
	return frames > 0 && len(w.object.placed)+len(w.object.pending) >= frames
}

// reportUnread logs the files that could not be read until the end.
func (w *Watcher) reportUnread() {
	if w.positions != nil {
		w.reportPositionsFault(0)
	}
	for _, f := range w.files.sorted() {
		switch {
		case f.fault != nil && !f.broken:
			f.broken = true
			w.o.Log.Warn("a file is skipped", "error", f.fault)
		case f.fault == nil && !f.done:
			w.o.Log.Warn("a file was not read before the end", "file", f.path)
		}
	}
}

const metresToNM = 1e9

// fatalError ends the watch: it is no fault of a file.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }

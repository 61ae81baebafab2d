package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/listen"
	"ptyx/internal/service/live"
	"ptyx/internal/service/watch"
	"ptyx/internal/service/zeromq"
	ort "ptyx/runtime"
)

// WatchOptions describe a scan to reconstruct while it is measured.
type WatchOptions struct {
	Model      string // .onnx file or run directory
	OutputDir  string
	Read       dataset.Options // how to read the scan
	Probe      ProbeChoice     // of a network that takes the probe: that of the model or of a file
	Refine     int             // passes of the solver at the end, which also refines during the scan; 0: none
	RefineOnly bool            // no network: the solver alone
	KeepBytes  int64           // of frames that may wait on disk, and of those for the solver; above 0
	Engine     engine.Options
	Watch      watch.Options
	Live       listen.Address // of a page that shows the object; Listen is empty without one
	Settings   []byte         // of the command, written beside the object; nil: none
}

// check refuses, before any work, options that cannot be run or saved.
func (o *WatchOptions) check() error {
	if err := o.Engine.Check(); err != nil {
		return err
	}
	if err := o.checkRefine(); err != nil {
		return err
	}
	if o.Live.Listen != "" {
		if _, err := live.Check(o.Live); err != nil {
			return err
		}
	}
	if o.Watch.Stream.Address == "" {
		if err := o.checkPath(); err != nil {
			return err
		}
	}
	return destination.Dir("--output-dir", o.OutputDir)
}

// checkPath refuses a path that cannot be watched.
func (o *WatchOptions) checkPath() error {
	info, err := os.Stat(o.Watch.Path)
	if errors.Is(err, fs.ErrNotExist) && watch.IsFrameFile(o.Watch.Path) { // the file may appear later
		info, err = os.Stat(filepath.Dir(o.Watch.Path))
		o.Watch.Single = true
	}
	if err != nil {
		return &badinput.Error{
			File: o.Watch.Path, Found: "nothing that can be watched",
			Expected: "a directory, a file in one, or " + zeromq.Scheme + "HOST:PORT",
			Remedy:   "if it is a directory, make it first", Cause: badinput.Cause(err),
		}
	}
	o.Watch.Single = o.Watch.Single || !info.IsDir()
	if out, err := os.Stat(o.OutputDir); err == nil && !o.Watch.Single && os.SameFile(info, out) {
		return &badinput.Error{
			File: o.OutputDir, Key: "--output-dir", Found: "the watched directory", Expected: "another one",
			Remedy: "otherwise ptyx would read its own output",
		}
	}
	return nil
}

// Watch reconstructs a scan while it grows, and keeps writing its object with its pictures. When ctx is done it
// finishes the frames that have arrived, and returns no error.
func Watch(ctx context.Context, o WatchOptions, log *slog.Logger) (result *Watched, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	model, digest, err := o.network(log)
	if err != nil {
		return nil, err
	}
	if err := tidy(o.OutputDir); err != nil {
		return nil, err
	}
	networkEngine, solverEngine := o.share()
	workers, threads := shareThreads(networkEngine, math.MaxInt)
	networkEngine.Threads = threads
	predictor, release, err := o.open(networkEngine, model)
	if err != nil {
		return nil, ofModel(err, o.Model)
	}
	defer func() { err = errors.Join(err, predictor.Close(), release()) }()
	solver, err := o.openRefiner(&model, solverEngine, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, solver.close()) }()
	w := o.options(ctx, &model, digest, predictor, log)
	w.Workers = workers
	if predictor.Provider() == ort.CUDAProvider {
		w.Workers = 1 // a GPU computes one batch after the other
	}
	if solver != nil {
		w.Refiner = solver
	}
	if o.Live.Listen != "" {
		w.Page = watch.NewPage(model.contract)
		web, fault := o.openPage(ctx, w.Page, &model, digest, log)
		if fault != nil {
			return nil, fault
		}
		defer func() { err = errors.Join(err, web.Close()) }()
	}
	out, err := watch.Run(ctx, w)
	if err != nil {
		return nil, ofModel(ofFile(err, o.Model, "channels"), o.Model)
	}
	if out.Result == nil && out.Ended != watch.Interrupted {
		return nil, &badinput.Error{
			File: cmp.Or(w.Stream.Address, w.Path), Found: "no frame that could be used",
			Expected: "patterns of the scan", Remedy: "see the log for what was skipped",
		}
	}
	result = o.watched(out, predictor)
	return result, solver.finish(result)
}

// options are what watch.Run needs, without a solver and a page.
func (o WatchOptions) options(
	ctx context.Context, model *network, digest string, predictor predict.Predictor, log *slog.Logger,
) watch.Options {
	w := o.Watch
	o.Read.Side = model.contract.N
	w.Stream.Scratch, w.Stream.Room = o.OutputDir, o.KeepBytes
	w.Read, w.Contract, w.Predictor, w.Clock, w.Log = o.Read, model.contract, predictor, watch.RealClock{}, log
	w.Inspect = func(scan *dataset.Scan) { o.inspect(ctx, scan, model.contract, log) }
	w.Exposure = o.exposure(model)
	w.Save = func(r *reconstruct.Result) error {
		if r.Extra == nil {
			r.Extra = model.extra
		}
		return o.save(r, digest)
	}
	return w
}

// inspect warns of faults of the first file that gave frames, and of a probe in it that is unlike the model's.
func (o WatchOptions) inspect(ctx context.Context, scan *dataset.Scan, c contract.Contract, log *slog.Logger) {
	warnOfFaults(ctx, scan, c.Probe, log)
	if !o.Probe.fromModel() {
		return
	}
	read := o.Read
	read.Part = true
	noteOwnProbe(scan, read)
	likeness := ownLikeness(scan, c, log)
	if likeness >= leastLikeness {
		return
	}
	remedy := "give a file with the scan's probe as --probe"
	if !c.TakesProbe() {
		remedy = "use a network that takes the probe"
	}
	log.Warn("the scan's own probe is unlike that of the model: "+remedy, "scan", scan.Path,
		"likeness", fmt.Sprintf("%.2f", likeness))
}

// network is the network with its probe, and the digest of its file.
func (o WatchOptions) network(log *slog.Logger) (n network, digest string, err error) {
	if o.RefineOnly {
		n, err = o.noNetwork(log)
		return n, "", err
	}
	if n, err = loadNetwork(o.Model); err != nil {
		return n, "", err
	}
	if n.contract.General() && o.Probe.fromModel() {
		return n, "", noGeneralProbe("a file with a probe")
	}
	digest = contract.Digest(n.file)
	return n, digest, ofModel(o.Probe.applyFile(&n, o.Read.View.Library, log), o.Model)
}

// open prepares the network.
func (o WatchOptions) open(e engine.Options, n network) (p predict.Predictor, release func() error, err error) {
	if o.RefineOnly {
		return predict.Blank{N: n.contract.N}, func() error { return nil }, nil
	}
	return local.Open(e, n.file)
}

// openPage serves a page about the object, and logs its address.
func (o WatchOptions) openPage(
	ctx context.Context, page *watch.Page, n *network, digest string, log *slog.Logger,
) (*live.Web, error) {
	web, err := live.Open(ctx, o.Live, page.Handler(func(w io.Writer, r *reconstruct.Result) error {
		r.Extra = n.extra // the first frames may have changed it
		return r.Encode(w, digest)
	}), log)
	if err == nil {
		log.Info("live page", "address", web.URL)
	}
	return web, err
}

// save writes the settings first, so that no object is there without them.
func (o WatchOptions) save(r *reconstruct.Result, digest string) error {
	if err := os.MkdirAll(o.OutputDir, 0o755); err != nil {
		return fmt.Errorf("making the output directory: %w", err)
	}
	if err := saveSettings(o.OutputDir, o.Settings); err != nil {
		return err
	}
	return r.SaveInTurn(o.OutputDir, digest)
}

// tidy removes the unfinished files that a killed watch has left: their names begin with a dot and end with a number.
func tidy(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("tidying the output directory: %w", err)
	}
	for _, entry := range entries {
		if !unfinished.MatchString(entry.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("tidying the output directory: %w", err)
		}
	}
	return nil
}

var unfinished = regexp.MustCompile(`^\.reconstruct(ion\.(npz|yaml)|ed_[a-z]+\.png)[0-9]+$`)

package workflow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/watch"
)

// WatchOptions is a whole scan that is followed while it is measured.
type WatchOptions struct {
	Model     string // .onnx file or run directory
	OutputDir string
	Input     dataset.InputKind
	Layout    dataset.Orientation // of the patterns' array
	View      dataset.View
	Engine    engine.Options
	Watch     watch.Options // what is followed, until when
	Settings  []byte        // to be written beside the object; nil: none
}

// check refuses, before any work, what cannot be followed or saved.
func (o *WatchOptions) check() error {
	info, err := os.Stat(o.Watch.Path)
	if errors.Is(err, fs.ErrNotExist) && watch.IsFrameFile(o.Watch.Path) { // a file that is not yet there
		info, err = os.Stat(filepath.Dir(o.Watch.Path))
		o.Watch.Single = true
	}
	if err != nil {
		return &badinput.Error{File: o.Watch.Path, Found: "nothing that can be looked at", Expected: "a directory, or a file in one", Remedy: "make the directory first", Cause: err}
	}
	o.Watch.Single = o.Watch.Single || !info.IsDir()
	if err := o.Engine.Check(); err != nil {
		return err
	}
	if out, err := os.Stat(o.OutputDir); err == nil && !o.Watch.Single && os.SameFile(info, out) {
		return &badinput.Error{File: o.OutputDir, Key: "--output-dir", Found: "the directory that is followed", Expected: "another one", Remedy: "what is written would be read"}
	}
	return destination.Dir("--output-dir", o.OutputDir)
}

// Watched is what came of following a scan.
type Watched struct {
	OutputDir   string    `json:"output_dir"`
	Ended       watch.End `json:"ended"`
	Device      string    `json:"device"`
	Object      [2]int    `json:"object"` // height and width; 0 where no frame came
	Frames      int       `json:"frames"`
	Missing     int       `json:"missing"`
	Waiting     int       `json:"waiting"`
	Repeated    int       `json:"repeated"`
	Conflicting int       `json:"conflicting"`
	Late        int       `json:"late"`
	Refused     int       `json:"refused"`
	BrokenFiles int       `json:"broken_files"`
}

func (w Watched) String() string {
	said := fmt.Sprintf("%s: %d frames on %s, object %d x %d", w.OutputDir, w.Frames, w.Device, w.Object[0], w.Object[1])
	for _, c := range []struct {
		count int
		what  string
	}{{w.Missing, "missing"}, {w.Waiting, "without a position"}, {w.Repeated, "repeated"}, {w.Conflicting, "conflicting"}, {w.Late, "late"}, {w.Refused, "refused"}, {w.BrokenFiles, "broken files"}} {
		if c.count > 0 {
			said += fmt.Sprintf(", %d %s", c.count, c.what)
		}
	}
	return fmt.Sprintf("%s (%s)", said, w.Ended)
}

// Watch follows a scan and writes its object, with its pictures, again and again. When ctx is done it finishes what is there, and returns
// without an error.
func Watch(ctx context.Context, o WatchOptions, log *slog.Logger) (done *Watched, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	model, _, c, err := contract.Load(o.Model)
	if err != nil {
		return nil, err
	}
	if err := tidy(o.OutputDir); err != nil {
		return nil, err
	}
	predictor, release, err := local.Open(o.Engine, model)
	if err != nil {
		return nil, ofModel(err, o.Model)
	}
	defer func() { err = errors.Join(err, predictor.Close(), release()) }()
	digest := contract.Digest(model)
	w := o.Watch
	w.Read = dataset.Options{Input: o.Input, Orientation: o.Layout, View: o.View}
	w.Contract, w.Predictor, w.Clock, w.Log = c, predictor, watch.RealClock{}, log
	w.Save = func(r *reconstruct.Result) error { return o.save(r, digest) }
	out, err := watch.Run(ctx, w)
	if err != nil {
		return nil, ofModel(ofFile(err, o.Model, "channels"), o.Model)
	}
	if out.Result == nil && out.Ended != watch.Interrupted {
		return nil, &badinput.Error{File: w.Path, Found: "no frame that could be taken", Expected: "files with patterns of the scan", Remedy: "the log says what was passed over"}
	}
	return o.watched(out, predictor.Provider()), nil
}

// save writes the settings first, so that whoever sees an object sees how it is made.
func (o WatchOptions) save(r *reconstruct.Result, digest string) error {
	if err := os.MkdirAll(o.OutputDir, 0o755); err != nil {
		return fmt.Errorf("making the output directory: %w", err)
	}
	if err := saveSettings(o.OutputDir, o.Settings); err != nil {
		return err
	}
	return r.Save(o.OutputDir, digest)
}

func (o WatchOptions) watched(out *watch.Outcome, device string) *Watched {
	w := &Watched{
		OutputDir: o.OutputDir, Ended: out.Ended, Device: device, Frames: out.Frames, Missing: out.Missing, Waiting: out.Waiting, Repeated: out.Repeated,
		Conflicting: out.Conflicting, Late: out.Late, Refused: out.Refused, BrokenFiles: out.Broken,
	}
	if out.Result != nil {
		w.Object = [2]int{out.Result.Object.Shape[0], out.Result.Object.Shape[1]}
	}
	return w
}

// tidy removes what a watch that was killed while it wrote has left in its output directory: files with the names of those to come,
// a point before and a number behind.
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

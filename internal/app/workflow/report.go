package workflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/graph/contract"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/report"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
	"ptyx/trainer"
)

// ReportOptions describe a page about a result: the run directory of a training, or a reconstruction.
type ReportOptions struct {
	Result    string // run directory, or the directory or file of a reconstruction
	Output    string // HTML file; empty: report.html in the directory, or the file's name with .html
	Scan      string // for a training, to reconstruct; empty: the first training scan
	Reference string // to compare the object with; empty: none
	Count     int    // for a training, patterns to reconstruct from; 0: all
	Seed      uint64
	Engine    engine.Options
}

// ReportResult describes a page that was written.
type ReportResult struct {
	File  string `json:"file"`
	Epoch *int   `json:"epoch"` // of the model; null: a reconstruction
	Bytes int    `json:"bytes"`
}

func (r ReportResult) String() string {
	epoch := ""
	if r.Epoch != nil {
		epoch = fmt.Sprintf("epoch %d, ", *r.Epoch)
	}
	return fmt.Sprintf("%s: %s%d kB", r.File, epoch, r.Bytes/1000)
}

// Report writes a page about a result.
func Report(ctx context.Context, o ReportOptions, log *slog.Logger) (*ReportResult, error) {
	training, err := o.isTraining()
	if err != nil {
		return nil, err
	}
	if o.Output == "" {
		o.Output = o.usualOutput()
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	result := &ReportResult{File: o.Output}
	var html []byte
	if training {
		html, result.Epoch, err = o.training(ctx, log)
	} else {
		html, err = o.reconstruction()
	}
	if err != nil {
		return nil, err
	}
	if err := destination.WriteFile(o.Output, html, 0o644); err != nil {
		return nil, err
	}
	result.Bytes = len(html)
	return result, nil
}

// isTraining reports whether the result is a run directory, not a reconstruction.
func (o ReportOptions) isTraining() (bool, error) {
	if _, err := os.Stat(filepath.Join(o.Result, trainer.ConfigFile)); err == nil {
		return true, nil
	}
	info, err := os.Stat(evaluate.File(o.Result))
	if err == nil && !info.IsDir() {
		return false, nil
	}
	found := "neither " + trainer.ConfigFile + " nor " + evaluate.ReconstructionFile
	if err != nil {
		found = "no such file or directory"
	}
	return false, &badinput.Error{
		File: o.Result, Found: found,
		Expected: "a run directory of ptyx train, or a reconstruction of ptyx infer, solve, refine or watch",
	}
}

// usualOutput is beside the result.
func (o ReportOptions) usualOutput() string {
	if info, err := os.Stat(o.Result); err == nil && info.IsDir() {
		return filepath.Join(o.Result, "report.html")
	}
	return strings.TrimSuffix(o.Result, filepath.Ext(o.Result)) + ".html"
}

// check refuses, before any work, options that cannot be run or saved.
func (o ReportOptions) check() error {
	if o.Count < 0 {
		return &badinput.Error{Key: "n_images", Found: fmt.Sprint(o.Count), Expected: "0 (all) or more"}
	}
	if err := o.Engine.Check(); err != nil {
		return err
	}
	return destination.File("--output", o.Output)
}

// training makes the page of a run directory.
func (o ReportOptions) training(ctx context.Context, log *slog.Logger) (html []byte, epoch *int, err error) {
	settings, err := LoadTrainOptions(o.Result)
	if err != nil {
		return nil, nil, err
	}
	source, err := o.source(settings)
	if err != nil {
		return nil, nil, err
	}
	if o.Scan == "" {
		o.Scan = settings.TrainFiles[0]
	}
	html, err = settings.page(ctx, source, o.Scan, o.Engine, log)
	return html, &source.Contract.Epochs, err
}

// reconstruction makes the page of a reconstruction, which it shows as it is.
func (o ReportOptions) reconstruction() ([]byte, error) {
	for _, f := range []struct {
		name  string
		given bool
	}{{"--test-data", o.Scan != ""}, {"--n-images", o.Count != 0}} {
		if f.given {
			return nil, &badinput.Error{
				File: o.Result, Key: f.name, Found: "a reconstruction, which is not computed again",
				Expected: "a run directory of ptyx train", Remedy: "omit the flag, or name the run directory",
			}
		}
	}
	r, err := report.Open(o.Result)
	if err != nil {
		return nil, err
	}
	if r.Settings, err = settingsBeside(r.Object.Path); err != nil {
		return nil, err
	}
	if o.Reference != "" {
		r.Of = o.Reference
		if r.Reference, err = evaluate.Load(o.Reference); err != nil {
			return nil, err
		}
	}
	page, err := r.Page()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = page.Write(&b)
	return b.Bytes(), err
}

// settingsBeside are those that were saved with an object; empty if it came alone, or under another name.
func settingsBeside(object string) (string, error) {
	if filepath.Base(object) != evaluate.ReconstructionFile {
		return "", nil
	}
	text, err := readLimited(filepath.Join(filepath.Dir(object), SettingsFile), maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the settings: %w", err)
	}
	return string(text), nil
}

// source reads everything that the page of a training shows, except for the scan.
func (o ReportOptions) source(settings TrainOptions) (s report.Source, err error) {
	s = report.Source{
		Name: filepath.Base(filepath.Clean(o.Result)), Count: o.Count, Seed: o.Seed, Photons: settings.Config.Photons,
	}
	if s.Model, _, s.Contract, err = contract.Load(o.Result); err != nil {
		return s, err
	}
	if s.History, err = trainer.ReadMetrics(o.Result); err != nil {
		return s, err
	}
	config, err := os.ReadFile(filepath.Join(o.Result, trainer.ConfigFile))
	if err != nil {
		return s, fmt.Errorf("reading the configuration: %w", err)
	}
	s.Config = string(config)
	if o.Reference == "" {
		return s, nil
	}
	s.Of = o.Reference
	s.Reference, err = evaluate.Load(o.Reference)
	return s, err
}

// page makes the HTML page of a training from a scan, which is read as in the training.
func (o TrainOptions) page(
	ctx context.Context, s report.Source, scan string, engine engine.Options, log *slog.Logger,
) (html []byte, err error) {
	read := o.read()
	read.Side = s.Contract.N
	if s.Scan, err = openPatterns(scan, read, log); err != nil {
		return nil, err
	}
	defer s.Scan.Close()
	var b bytes.Buffer
	err = withPredictor(engine, s.Model, func(p predict.Predictor) error {
		s.Predictor = p
		page, err := report.Build(ctx, s)
		if err != nil {
			return err
		}
		return page.Write(&b)
	})
	return b.Bytes(), err
}

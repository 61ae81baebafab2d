package workflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/graph/contract"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/report"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/scan/dataset"
	"ptyx/trainer"
)

// ReportOptions is a page about a run.
type ReportOptions struct {
	Run       string // run directory
	Output    string // HTML file; empty: report.html in the run directory
	Scan      string // to reconstruct; empty: the first that the network was trained on
	Reference string // object to compare with; empty: none
	Count     int    // patterns to reconstruct from; 0: all
	Seed      uint64
	Engine    engine.Options
}

// reportFile is the page's name in a run directory.
const reportFile = "report.html"

// ReportResult is the page that was written.
type ReportResult struct {
	File  string `json:"file"`
	Epoch int    `json:"epoch"` // that the model has reached
	Bytes int    `json:"bytes"`
}

func (r ReportResult) String() string {
	return fmt.Sprintf("%s: epoch %d, %d kB", r.File, r.Epoch, r.Bytes/1000)
}

// Report writes a page about a run.
func Report(ctx context.Context, o ReportOptions, log *slog.Logger) (*ReportResult, error) {
	if o.Output == "" {
		o.Output = filepath.Join(o.Run, reportFile)
	}
	settings, err := LoadTrainOptions(o.Run)
	if err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	source, err := o.source(settings)
	if err != nil {
		return nil, err
	}
	if o.Scan == "" {
		o.Scan = settings.TrainFiles[0]
	}
	if source.Scan, err = openShown(settings, o.Scan, log); err != nil {
		return nil, err
	}
	defer source.Scan.Close()
	predictor, release, err := local.Open(o.Engine, source.Model)
	if err != nil {
		return nil, err
	}
	source.Predictor = predictor
	page, err := report.Build(ctx, source)
	if err := errors.Join(err, predictor.Close(), release()); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := page.Write(&b); err != nil {
		return nil, err
	}
	if err := destination.WriteFile(o.Output, b.Bytes(), 0o644); err != nil {
		return nil, err
	}
	return &ReportResult{File: o.Output, Epoch: page.Epoch, Bytes: b.Len()}, nil
}

// check refuses, before any work, what cannot be run or saved in the end.
func (o ReportOptions) check() error {
	if o.Count < 0 {
		return &badinput.Error{Key: "n_images", Found: fmt.Sprint(o.Count), Expected: "0 (all) or more"}
	}
	if err := o.Engine.Check(); err != nil {
		return err
	}
	return destination.File("--output", o.Output)
}

// source reads what the page is about, but the scan.
func (o ReportOptions) source(settings TrainOptions) (s report.Source, err error) {
	s = report.Source{Name: filepath.Base(filepath.Clean(o.Run)), Count: o.Count, Seed: o.Seed, Photons: settings.Config.Photons}
	if s.Model, _, s.Contract, err = contract.Load(o.Run); err != nil {
		return s, err
	}
	if s.History, err = trainer.ReadMetrics(o.Run); err != nil {
		return s, err
	}
	config, err := os.ReadFile(filepath.Join(o.Run, trainer.ConfigFile))
	if err != nil {
		return s, fmt.Errorf("reading the configuration: %w", err)
	}
	s.Config = string(config)
	if o.Reference == "" {
		return s, nil
	}
	reference, err := evaluate.Load(o.Reference)
	if err != nil {
		return s, err
	}
	s.Reference, s.Of = &reference.Image, o.Reference
	return s, nil
}

// openShown opens a scan as the training looked at it.
func openShown(settings TrainOptions, path string, log *slog.Logger) (*dataset.Scan, error) {
	return dataset.Open(path, dataset.Options{Input: settings.Input, Orientation: settings.Layout, View: settings.View, NoProbe: true, NoObject: true, Log: log})
}

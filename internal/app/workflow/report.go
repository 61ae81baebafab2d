package workflow

import (
	"bytes"
	"context"
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
	"ptyx/internal/recon/predict"
	"ptyx/trainer"
)

// ReportOptions describe a page about a run.
type ReportOptions struct {
	Run       string // run directory
	Output    string // HTML file; empty: report.html in the run directory
	Scan      string // to reconstruct; empty: the first training scan
	Reference string // to compare the object with; empty: none
	Count     int    // patterns to reconstruct from; 0: all
	Seed      uint64
	Engine    engine.Options
}

// ReportResult describes a page that was written.
type ReportResult struct {
	File  string `json:"file"`
	Epoch int    `json:"epoch"` // of the model
	Bytes int    `json:"bytes"`
}

func (r ReportResult) String() string {
	return fmt.Sprintf("%s: epoch %d, %d kB", r.File, r.Epoch, r.Bytes/1000)
}

// Report writes a page about a run.
func Report(ctx context.Context, o ReportOptions, log *slog.Logger) (*ReportResult, error) {
	if o.Output == "" {
		o.Output = filepath.Join(o.Run, "report.html")
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
	html, err := settings.page(ctx, source, o.Scan, o.Engine, log)
	if err != nil {
		return nil, err
	}
	if err := destination.WriteFile(o.Output, html, 0o644); err != nil {
		return nil, err
	}
	return &ReportResult{File: o.Output, Epoch: source.Contract.Epochs, Bytes: len(html)}, nil
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

// source reads everything that the page shows, except for the scan.
func (o ReportOptions) source(settings TrainOptions) (s report.Source, err error) {
	s = report.Source{
		Name: filepath.Base(filepath.Clean(o.Run)), Count: o.Count, Seed: o.Seed, Photons: settings.Config.Photons,
	}
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
	s.Of = o.Reference
	s.Reference, err = evaluate.Load(o.Reference)
	return s, err
}

// page makes the HTML page of a training from a scan, which is read as in the training.
func (o TrainOptions) page(
	ctx context.Context, s report.Source, scan string, engine engine.Options, log *slog.Logger,
) (html []byte, err error) {
	if s.Scan, err = openPatterns(scan, o.read(), log); err != nil {
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

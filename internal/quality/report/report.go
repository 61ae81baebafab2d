// Package report makes a page about a result: its object, how far to trust it, and what it was made from. There are two
// kinds of results. Build computes the page of a training, with the object from package reconstruct and predictions
// from package optics. Reconstruction.Page shows an object that a network or a solver has written, and computes nothing
// anew. Page.Write writes a page as one HTML file that loads nothing else. The same result gives the same bytes.
//
// Package render paints the pictures, one pixel for each of the image's. Bars, scales, labels and curves are SVG and
// HTML, so that they are sharp and follow light or dark colours. The package stands above reconstruct and trainer.
package report

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"ptyx/internal/graph/contract"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/trainer"
)

// Source is a training and the scan to show it on.
type Source struct {
	Name      string // of the run
	Model     []byte // the checkpoint
	Contract  contract.Contract
	History   []trainer.Epoch
	Config    string // text of config.yaml
	Scan      *dataset.Scan
	Photons   float64 // mean photons per pattern; 0: the data hold counts
	Count     int     // patterns to reconstruct from; 0: all
	Seed      uint64  // of their choice
	Predictor predict.Predictor
	Reference *evaluate.Source // to compare the object with; nil: none
	Of        string           // file of the reference
}

// Page is the content of the report.
type Page struct {
	Name       string
	Kind       string // of result
	Facts      []Row
	Curve      *Chart // losses or residuals
	Resolution *Chart // of two halves of a scan; nil: unknown
	Object     []Figure
	Trust      []Figure
	Caveat     string // what the page cannot show; may be empty
	Positions  *Positions
	Probe      []Figure
	Patterns   []Comparison
	Measured   []Row // of the comparison with the reference
	Reference  string
	Config     string
	ConfigFile string // name of the file with Config
	Origins    []Row  // digests and versions
}

// Row is a row of a table.
type Row struct{ Name, Value, Note string }

// Build computes a page.
func Build(ctx context.Context, s Source) (*Page, error) {
	options := reconstruct.Options{Count: s.Count, Seed: s.Seed, BatchSize: batch}
	result, err := reconstruct.Run(ctx, s.Predictor, s.Scan, s.Contract, options)
	if err != nil {
		return nil, err
	}
	p := &Page{
		Name: s.Name, Kind: "Training of a network", Config: s.Config, ConfigFile: trainer.ConfigFile,
		Curve: lossChart(s.History),
	}
	checks, err := s.predictions(result)
	if err != nil {
		return nil, err
	}
	if p.Patterns, err = comparisons(checks); err != nil {
		return nil, err
	}
	err = p.draw(subject{
		object: result.Object, coverage: result.Coverage, spread: result.Spread, row: result.Row, col: result.Col,
		modes: modesOf(s.Contract.Probe), pixelNM: s.pixelNM(), spreadNote: patchSpread,
		probeNote: "As the model carries it, after training.", probeUnit: "√photons",
	})
	if err != nil {
		return nil, err
	}
	p.Facts = s.facts(result, checks)
	p.Origins = s.origins(result)
	return p, s.compare(p, result)
}

// patchSpread explains the spread of a network's object.
const patchSpread = "How far overlapping patches disagree. No calibrated error: 0 under a single patch, and blind to " +
	"what all get wrong alike."

// batch is the number of patterns in a call of the network.
const batch = 16

// facts lists the numbers at the top of the page.
func (s Source) facts(r *reconstruct.Result, checks []prediction) []Row {
	return []Row{
		{"epochs", fmt.Sprint(s.Contract.Epochs), ""},
		{"training loss", number(s.Contract.TrainLoss), s.Contract.Loss},
		{"validation loss", number(s.Contract.ValLoss), "on patterns that the network was not trained on"},
		{"patterns", fmt.Sprintf("%d of %d", len(r.IDs), s.Scan.M),
			fmt.Sprintf("of %d x %d pixels, %.3g photons each", s.Scan.N, s.Scan.N, s.Contract.Photons)},
		{"misfit", number(medianMisfit(checks)), "median over patterns of sum (|F| - d)² / sum d²; 0 is perfect"},
		{"object", fmt.Sprintf("%d x %d", r.Object.Shape[1], r.Object.Shape[0]), s.pixels()},
	}
}

// pixels describes a pixel of the object.
func (s Source) pixels() string {
	if nm := s.pixelNM(); nm > 0 {
		return fmt.Sprintf("pixels of %.3g nm", nm)
	}
	return "pixels"
}

// pixelNM is the width of the object's pixel in nm, 0 if unknown.
func (s Source) pixelNM() float64 { return 1e9 * s.Scan.Geometry.PixelX }

// number formats a number for reading; a dash for NaN.
func number(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%.4g", v)
}

// origins lists what the page was made from.
func (s Source) origins(r *reconstruct.Result) []Row {
	c := s.Contract
	return []Row{
		{"ptyx", c.PtyxVersion, ""},
		{"model, SHA-256", contract.Digest(s.Model), ""},
		{"training data, SHA-256", c.DataDigest, ""},
		{"probe, SHA-256", c.ProbeDigest, ""},
		{"seed", fmt.Sprint(c.Seed), ""},
		{"trained on", c.Engine + ", " + c.Device, c.Fallback},
		{"reconstructed on", r.Provider, r.Fallback},
		{"scan", filepath.Base(s.Scan.Path), ""},
	}
}

// compare adds the comparison with the reference, if there is one.
func (s Source) compare(p *Page, r *reconstruct.Result) error {
	if s.Reference == nil {
		return nil
	}
	image := metrics.Image{Object: r.Object, Row: r.Row, Col: r.Col, Coverage: r.Coverage}
	reference, err := s.Reference.At(r.Scale, s.Contract.N)
	if err != nil {
		return err
	}
	return p.compare(image, reference.Image, s.Of, s.pixelNM())
}

// compare adds the comparison of two objects of the same pixels, which are pixelNM wide; 0: unknown.
func (p *Page) compare(object, reference metrics.Image, of string, pixelNM float64) error {
	found, err := metrics.Compare(object, reference, metrics.Options{PixelSizeNM: pixelNM})
	if err != nil {
		return fmt.Errorf("comparing with %s: %w", of, err)
	}
	resolution := "nothing is resolved"
	if cut := found.FRC.AtHalfBit; !cut.BelowFirstRings {
		resolution = fmt.Sprintf("%.2f pixels half period", cut.HalfPeriod)
		if cut.HalfPeriodNM > 0 {
			resolution += fmt.Sprintf(", %.1f nm", cut.HalfPeriodNM)
		}
	}
	p.Reference = filepath.Base(of)
	p.Measured = []Row{
		{"complex correlation", number(found.Correlation), "means removed; 1 is perfect"},
		{"resolution", resolution, "where the Fourier ring correlation falls to the half-bit threshold"},
		{"amplitude", fmt.Sprintf("SSIM %.3f, PSNR %.1f dB", found.Amplitude.SSIM, found.Amplitude.PSNR), ""},
		{"phase", fmt.Sprintf("SSIM %.3f, PSNR %.1f dB", found.Phase.SSIM, found.Phase.PSNR), ""},
	}
	return nil
}

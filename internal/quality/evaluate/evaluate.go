// Package evaluate compares two object files. Load reads them, Files aligns and measures them with package metrics, and
// the Result is written as a table, as metrics.json and as a picture. It is the body of `ptyx eval`, and stands above
// npz, metrics and render.
package evaluate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"text/tabwriter"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/choice"
	"ptyx/internal/base/destination"
	"ptyx/internal/quality/metrics"
)

// Convention chooses how the numbers are computed.
type Convention string

const (
	// Ptyx aligns shift, ramp, phase and scale, and measures the complex objects.
	Ptyx Convention = "ptyx"
	// PINNCompat computes the numbers of PtychoPINN's evaluation.
	PINNCompat Convention = "pinn-compat"
)

// UnmarshalText reads a convention from a flag.
func (c *Convention) UnmarshalText(text []byte) error { return choice.Set(c, text, Ptyx, PINNCompat) }

// Options of an evaluation.
type Options struct {
	Recon, Reference string // NPZ files
	Convention       Convention
	PixelSizeNM      float64 // object pixel in nanometres; 0: not known
}

// The files of an output directory.
const (
	MetricsFile = "metrics.json"
	PictureFile = "comparison.png"
)

// Result is the outcome of an evaluation. Either Report or Compat is set.
type Result struct {
	Report  *metrics.Report
	Compat  *metrics.CompatReport
	aligned *metrics.Aligned
	frc     metrics.FRC
}

// Files compares the objects of two files. Faults of the files are *badinput.Error.
func Files(opt Options) (*Result, error) {
	if !(opt.PixelSizeNM >= 0) || math.IsInf(opt.PixelSizeNM, 1) {
		return nil, &badinput.Error{
			Key: "--pixel-size-nm", Found: fmt.Sprint(opt.PixelSizeNM), Expected: "a positive number of nanometres",
		}
	}
	recon, err := Load(opt.Recon)
	if err != nil {
		return nil, err
	}
	reference, err := Load(opt.Reference)
	if err != nil {
		return nil, err
	}
	if recon, reference, err = Common(recon, reference); err != nil {
		return nil, err
	}
	aligned, err := metrics.Align(recon.Image, reference.Image, metrics.Options{})
	if err != nil {
		return nil, explain(err, recon, reference)
	}
	report := aligned.Report(metrics.Options{PixelSizeNM: opt.PixelSizeNM})
	result := &Result{aligned: aligned, frc: report.FRC}
	if opt.Convention != PINNCompat {
		result.Report = &report
		return result, nil
	}
	scan := recon.Scan
	if scan == nil {
		scan = reference.Scan
	}
	compat, err := metrics.Compat(recon.Image, reference.Image, scan)
	if err != nil {
		return nil, explain(err, recon, reference)
	}
	result.Compat = &compat
	return result, nil
}

// explain turns an error of package metrics into a fault of a file.
func explain(err error, recon, reference *Source) error {
	switch {
	case errors.Is(err, metrics.ErrFlat):
		return &badinput.Error{
			File: reference.Path, Key: reference.Key,
			Found: "an object that is constant in the compared region", Expected: "one with structure",
			Remedy: "give a file with the true or a reconstructed object; " +
				"in a scan, objectGuess is often a placeholder",
			Cause: err,
		}
	case errors.Is(err, metrics.ErrNoOverlap):
		return &badinput.Error{
			File: recon.Path, Key: recon.Key, Found: recon.place(),
			Expected: fmt.Sprintf("a common area with %s: %s", reference.Path, reference.place()),
			Remedy:   "compare objects of the same scan", Cause: err,
		}
	}
	return fmt.Errorf("comparing %s with %s: %w", recon.Path, reference.Path, err)
}

// Doubt says why the numbers may mean nothing; empty if the objects agree, or for PtychoPINN's numbers.
func (r *Result) Doubt() string {
	if r.Report == nil || r.Report.Correlation >= metrics.Hardly {
		return ""
	}
	return "the objects hardly agree, whatever shift is removed: check that both show the same sample, " +
		"with pixels of the same size and in the same orientation"
}

// WriteTable writes the numbers as a table for reading.
func (r *Result) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if r.Compat != nil {
		compatTable(t, r.Compat)
	} else {
		reportTable(t, r.Report)
	}
	return t.Flush()
}

func reportTable(w io.Writer, r *metrics.Report) {
	fmt.Fprintf(w, "region\t%s, %.1f%% covered\n", r.Region, 100*r.Covered)
	fmt.Fprintf(w, "shift removed\t%+.2f rows, %+.2f columns\n", r.ShiftRow, r.ShiftCol)
	fmt.Fprintf(w, "ramp removed\t%+.5f rad/row, %+.5f rad/column\n", r.RampRow, r.RampCol)
	fmt.Fprintf(w, "scale, phase\t%.4f, %+.3f rad\n", r.Scale, r.PhaseShift)
	fmt.Fprintf(w, "complex correlation\t%.4f\t(means removed)\n", r.Correlation)
	fmt.Fprintf(w, "complex overlap\t%.4f\t(means kept)\n\n", r.Overlap)
	fmt.Fprintf(w, "\tamplitude\tphase\n")
	a, p := r.Amplitude, r.Phase
	fmt.Fprintf(w, "SSIM\t%.4f\t%.4f\n", a.SSIM, p.SSIM)
	fmt.Fprintf(w, "PSNR (dB)\t%.2f\t%.2f\n", a.PSNR, p.PSNR)
	fmt.Fprintf(w, "peak of both\t%.4f\t%.4f rad\n", a.DataRange, p.DataRange)
	fmt.Fprintf(w, "RMSE\t%.4f\t%.4f rad\n", a.RMSE, p.RMSE)
	fmt.Fprintf(w, "MAE\t%.4f\t%.4f rad\n\n", a.MAE, p.MAE)
	fmt.Fprintf(w, "FRC at 1/2 bit\t%s\n", cutoffText(r.FRC.AtHalfBit))
	fmt.Fprintf(w, "FRC at 1/7\t%s\n", cutoffText(r.FRC.AtSeventh))
}

func cutoffText(c metrics.Cutoff) string {
	if c.BelowFirstRings {
		return "below from the start: nothing is resolved"
	}
	text := fmt.Sprintf("%.3f cycles/pixel, half period %.2f pixels", c.Frequency, c.HalfPeriod)
	if c.HalfPeriodNM > 0 {
		text += fmt.Sprintf(" = %.1f nm", c.HalfPeriodNM)
	}
	if c.BeyondNyquist {
		text += " (Nyquist: the curve never falls below)"
	}
	return text
}

func compatTable(w io.Writer, r *metrics.CompatReport) {
	fmt.Fprintf(w, "convention\tPtychoPINN's evaluation\n")
	fmt.Fprintf(w, "region\t%s\n", r.Region)
	fmt.Fprintf(w, "moved by\t%+.2f rows, %+.2f columns\n\n", r.ShiftRow, r.ShiftCol)
	fmt.Fprintf(w, "\tamplitude\tphase\n")
	a, p := r.Amplitude, r.Phase
	for _, line := range []struct {
		name             string
		amplitude, phase float64
	}{
		{"MAE", a.MAE, p.MAE}, {"MSE", a.MSE, p.MSE}, {fmt.Sprintf("PSNR (dB, peak %g)", a.Peak), a.PSNR, p.PSNR},
		{"SSIM", a.SSIM, p.SSIM}, {"MS-SSIM", a.MSSSIM, p.MSSSIM},
		{"FRC at 1/2 (ring)", a.FRC50, p.FRC50}, {"FRC at 1/7 (ring)", a.FRC1of7, p.FRC1of7},
	} {
		fmt.Fprintf(w, "%s\t%.4f\t%.4f\n", line.name, line.amplitude, line.phase)
	}
}

// WriteJSON writes the report with its curves.
func (r *Result) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if r.Compat != nil {
		return encoder.Encode(r.Compat)
	}
	return encoder.Encode(r.Report)
}

// Save writes metrics.json and comparison.png to a directory, which it creates if necessary.
func (r *Result) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the output directory: %w", err)
	}
	write := func(f *os.File) error { return r.WriteJSON(f) }
	if err := destination.Write(filepath.Join(dir, MetricsFile), write); err != nil {
		return err
	}
	return r.draw(filepath.Join(dir, PictureFile))
}

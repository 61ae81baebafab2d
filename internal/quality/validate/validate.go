// Package validate looks for faults of a scan before hours of training are spent on it. File reads a scan as training
// does, passes once over its patterns (survey), and runs the table of checks. The result is a Report: Facts that were
// measured, and Findings, each with what was found, what was expected and how to fix it. Nothing is changed. The
// package stands above dataset, solve and physics.
//
// A finding is an error if training would fail or be in vain, and a warning if something deserves a look. The
// thresholds were set on simulated scans, where no check may report anything, and on a measured one.
package validate

import (
	"context"
	"errors"
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/dataset"
)

// checks is the table of checks, in the order of the findings. Each check has its own file.
func checks() []check {
	return []check{
		{name: "axes", find: axes},
		{name: "values", find: values},
		{name: "dark", find: dark},
		{name: "counts", find: counts},
		{name: "dead", find: dead},
		{name: "hot", find: hot},
		{name: "saturated", quick: all, find: saturated},
		{name: "background", quick: all, find: background},
		{name: "photons", quick: all, find: photons},
		{name: "units", quick: all, find: units},
		{name: "outside", unless: []string{"units"}, find: outside},
		{name: "repeated", unless: []string{"units"}, find: repeated},
		{name: "overlap", unless: []string{"units"}, quick: errorsOnly, find: overlap},
		{name: "alone", unless: []string{"units"}, find: isolated},
		{name: "centre", quick: all, find: centre},
		{name: "probe", unless: []string{"background"}, quick: errorsOnly, find: probe},
		{name: "orientation", unless: []string{"centre", "probe"}, find: orientation},
		{name: "calibration", unless: []string{"orientation"}, find: calibration},
	}
}

// check is a row in the table of checks.
type check struct {
	name   string   // Finding.Check
	unless []string // checks whose findings make this one pointless
	quick  share    // of its findings that Quick reports
	find   func(x *exam) []Finding
}

// share is a part of the findings of a check.
type share int

const (
	none share = iota
	errorsOnly
	all
)

// exam is a scan under examination.
type exam struct {
	*survey
	ctx     context.Context
	options Options
	scan    *dataset.Scan
	probe   *ndarray.Complex64 // (N, N), or nil
	report  *Report
	facts   *Facts  // of the report
	trials  *trials // of the orientations; nil before they are tried
	err     error   // that ended the examination
}

// Options say how the scan is read, as for training.
type Options struct {
	Input     dataset.InputKind
	Layout    dataset.Orientation
	View      dataset.View
	ProbeFile string // NPZ file whose probeGuess replaces the scan's
	Seed      uint64 // of the order in which patterns are visited
}

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // training would fail or be in vain
	Warning Severity = "warning" // deserves a look
)

// Finding is a fault, or a doubt, about a scan.
type Finding struct {
	Severity Severity `json:"severity"`
	Check    string   `json:"check"` // a word for scripts: the check that reports it, or "file"
	Key      string   `json:"key,omitempty"`
	Found    string   `json:"found"`
	Expected string   `json:"expected,omitempty"`
	Fix      string   `json:"fix,omitempty"`
	Applied  bool     `json:"applied,omitempty"` // the fix is in the layout file

	placing *placing // of the positions, that would be better; nil: the finding is not about that
}

// Report is the result of an examination.
type Report struct {
	File     string    `json:"file"`
	Facts    *Facts    `json:"facts,omitempty"` // nil if the file could not be read as a scan
	Findings []Finding `json:"findings"`

	crop dataset.Crop // that --crop auto found
}

// Cropped is a view with the square that was found in place of an automatic crop.
func (r *Report) Cropped(view dataset.View) dataset.View {
	if view.Crop.Auto && !r.crop.IsZero() {
		view.Crop = r.crop
	}
	return view
}

// Apply turns and mirrors the positions of a view as the patterns ask for, and marks the finding about that as
// applied. view is the one that was examined.
func (r *Report) Apply(view dataset.View) dataset.View {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.placing != nil {
			better := f.placing.after(placingOf(view))
			view.SwapXY, view.FlipX, view.FlipY, f.Applied = better.swap, better.flipX, better.flipY, true
		}
	}
	return view
}

// Errors counts the findings that are errors, and not applied.
func (r *Report) Errors() int {
	count := 0
	for _, f := range r.Findings {
		if f.Severity == Error && !f.Applied {
			count++
		}
	}
	return count
}

// reports tells if one of some checks has a finding.
func (r *Report) reports(checks ...string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return slices.Contains(checks, f.Check) })
}

// File examines the scan at path. Faults of the scan are findings. The error is what prevented the examination, such as
// a cancelled ctx.
func File(ctx context.Context, path string, o Options) (*Report, error) {
	r := &Report{File: path, Findings: []Finding{}}
	scan, err := r.open(path, o)
	if scan == nil {
		return r, err
	}
	defer scan.Close()
	x := &exam{ctx: ctx, options: o, scan: scan, probe: scan.Probe, report: r}
	x.survey, err = newSurvey(ctx, scan, scan.M)
	if bad := (*badinput.Error)(nil); errors.As(err, &bad) { // a truncated file
		r.Findings = append(append(r.Findings, named("axes", axes(x))...), r.ofFile(bad))
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	x.facts = newFacts(scan, scan.Probe, x.survey)
	if o.View.Crop.Auto {
		r.crop, x.facts.Crop = scan.Crop, scan.Crop.String()
	}
	r.Facts = x.facts
	for _, c := range checks() {
		if !r.reports(c.unless...) {
			r.Findings = append(r.Findings, named(c.name, c.find(x))...)
		}
	}
	return r, x.err
}

// named gives findings the name of their check.
func named(check string, findings []Finding) []Finding {
	for i := range findings {
		findings[i].Check = check
	}
	return findings
}

// open opens the scan. What the reader refuses becomes a finding. If only the probe is at fault, the scan is opened
// without it; if nothing can be examined, no scan is returned.
func (r *Report) open(path string, o Options) (*dataset.Scan, error) {
	options := dataset.Options{
		Input: o.Input, Orientation: o.Layout, View: o.View, ProbeFile: o.ProbeFile, ProbeOptional: true,
	}
	scan, err := dataset.Open(path, options)
	for range 2 {
		bad := (*badinput.Error)(nil)
		if err == nil || !errors.As(err, &bad) {
			return scan, err
		}
		r.Findings = append(r.Findings, r.ofFile(bad))
		if bad.Key != dataset.KeyProbe && o.ProbeFile == "" {
			return nil, nil
		}
		options.NoProbe, options.ProbeFile, o.ProbeFile = true, "", ""
		scan, err = dataset.Open(path, options)
	}
	return nil, err
}

// ofFile is a reader's error as a finding. That of another file than the scan's, such as one of positions, names it.
func (r *Report) ofFile(bad *badinput.Error) Finding {
	f := Finding{
		Severity: Error, Check: "file", Key: bad.Key, Found: bad.Found, Expected: bad.Expected, Fix: bad.Remedy,
	}
	if bad.File != "" && bad.File != r.File {
		f.Key = strings.TrimSuffix(bad.File+": "+bad.Key, ": ")
	}
	if bad.Cause != nil {
		f.Found += " (" + bad.Cause.Error() + ")"
	}
	return f
}

// coords are the names of the positions in PtychoPINN's layout.
const coords = dataset.KeyX + ", " + dataset.KeyY

// plural is the word for a number of things.
func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// Package validate looks for what is wrong with a scan before hours of training are spent on it. File reads a scan as training
// does, passes once over its patterns (survey), and tries on the central patterns which orientation of the positions the physics
// explains best (orientation). What it finds becomes a Report: Facts that were measured, and Findings, each with what was
// found, what was expected and what to do. It changes nothing and stands above dataset, calibrate and physics.
//
// A finding is an error where training would fail or be in vain, and a warning where something deserves a look. The
// thresholds were set on simulated scans, on which none may speak, and on a measured one.
package validate

import (
	"context"
	"errors"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/dataset"
)

// Options say how the scan is to be understood, as for training.
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

// Finding is one thing that is not as it should be.
type Finding struct {
	Severity Severity `json:"severity"`
	Check    string   `json:"check"` // which check speaks, a word for scripts
	Key      string   `json:"key,omitempty"`
	Found    string   `json:"found"`
	Expected string   `json:"expected,omitempty"`
	Fix      string   `json:"fix,omitempty"`
}

// Report is all that was found out about a scan.
type Report struct {
	File     string    `json:"file"`
	Facts    *Facts    `json:"facts,omitempty"` // nil where the file could not be read as a scan
	Findings []Finding `json:"findings"`
}

// Errors counts the findings that are errors.
func (r *Report) Errors() int {
	count := 0
	for _, f := range r.Findings {
		if f.Severity == Error {
			count++
		}
	}
	return count
}

// add appends findings.
func (r *Report) add(findings ...Finding) { r.Findings = append(r.Findings, findings...) }

// File examines the scan at path. Faults of the scan are findings; the error is of what kept it from being examined, such as
// ctx that is done.
func File(ctx context.Context, path string, o Options) (*Report, error) {
	r := &Report{File: path, Findings: []Finding{}}
	scan, err := r.open(path, o)
	if scan == nil {
		return r, err
	}
	defer scan.Close()
	s, err := newSurvey(ctx, scan)
	if bad := (*badinput.Error)(nil); errors.As(err, &bad) { // a file that is cut short
		r.add(ofFile(bad))
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	r.Facts = newFacts(scan, s)
	r.add(s.values()...)
	r.add(s.kind(scan)...)
	r.add(s.pixels(scan)...)
	r.add(positions(scan, r.Facts)...)
	beside := s.centre(scan)
	r.add(beside...)
	r.add(probe(scan, s, r.Facts, len(beside) > 0)...)
	if !r.turnable(scan, s) {
		return r, nil
	}
	return r, r.orient(ctx, scan, s.light, o)
}

// turnable tells whether orientations can be judged: only where nothing else keeps the physics from explaining the patterns.
func (r *Report) turnable(scan *dataset.Scan, s *survey) bool {
	doubtful := slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Check == "probe" || f.Check == "centre" })
	return scan.Probe != nil && len(s.light) >= fewest && r.Errors() == 0 && !doubtful
}

// open opens the scan as far as it can be: where only its probe is at fault, the rest is examined all the same. What the reader
// complains of are findings. It returns no scan where nothing can be examined.
func (r *Report) open(path string, o Options) (*dataset.Scan, error) {
	options := dataset.Options{Input: o.Input, Orientation: o.Layout, View: o.View, ProbeFile: o.ProbeFile}
	scan, err := dataset.Open(path, options)
	for range 2 {
		bad := (*badinput.Error)(nil)
		switch {
		case err == nil:
			r.add(layout(scan, o)...)
			return scan, nil
		case !errors.As(err, &bad):
			return nil, err
		}
		r.add(ofFile(bad))
		if bad.Key != dataset.KeyProbe && o.ProbeFile == "" {
			return nil, nil
		}
		options.NoProbe, options.ProbeFile, o.ProbeFile = true, "", ""
		scan, err = dataset.Open(path, options)
	}
	return nil, err
}

// ofFile is what a reader complained of, as a finding.
func ofFile(bad *badinput.Error) Finding {
	f := Finding{Severity: Error, Check: "file", Key: bad.Key, Found: bad.Found, Expected: bad.Expected, Fix: bad.Remedy}
	if bad.Cause != nil {
		f.Found += " (" + bad.Cause.Error() + ")"
	}
	return f
}

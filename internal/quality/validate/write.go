package validate

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteJSON writes the report as indented JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// WriteText writes the facts, then each finding with its fix.
func (r *Report) WriteText(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "file\t%s\n", r.File)
	if r.Facts != nil {
		r.Facts.write(w)
	}
	if len(r.Findings) == 0 {
		fmt.Fprintf(w, "findings\tnone\n")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, f := range r.Findings {
		text := fmt.Sprintf("\n%s: %s\n", f.Severity, f.sentence())
		switch {
		case f.Applied:
			text += "fixed in the layout file\n"
		case f.Fix != "":
			text += fmt.Sprintf("fix: %s\n", f.Fix)
		}
		if _, err := io.WriteString(out, text); err != nil {
			return err
		}
	}
	return nil
}

// Line is the finding with its fix, for a log.
func (f Finding) Line() string {
	if f.Fix == "" {
		return f.sentence()
	}
	return f.sentence() + ": " + f.Fix
}

// sentence is the finding without its fix.
func (f Finding) sentence() string {
	s := "found " + f.Found
	if f.Key != "" {
		s = f.Key + ": " + s
	}
	if f.Expected != "" {
		s += ", expected " + f.Expected
	}
	return s
}

// origin says where the probe is from, if it is not the scan's.
func (f *Facts) origin() string {
	if f.Guessed {
		return ", made from the patterns: the scan has none"
	}
	return ""
}

// write writes one fact per line.
func (f *Facts) write(w io.Writer) {
	row := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	measured := func(value *float64, name, format string, factor float64) {
		if value != nil {
			row(name, format, factor**value)
		}
	}
	row("patterns", "%d of %d x %d pixels, taken as %s, %s", f.Patterns, f.Size, f.Size, f.Input, f.Layout)
	if f.Crop != "" {
		row("crop", "%s, around the light", f.Crop)
	}
	measured(f.Photons, "light", "%.4g a pattern", 1)
	row("positions", "x %.1f to %.1f, y %.1f to %.1f", f.X[0], f.X[1], f.Y[0], f.Y[1])
	measured(f.Step, "neighbours", "%.2f pixels apart, the median", 1)
	measured(f.Probe, "probe", "%.1f pixels wide"+f.origin(), 1)
	measured(f.Overlap, "overlap", "%.0f%% of the probe's width", 100)
	measured(f.FarField, "far field", "of the probe, likeness %.2f to the mean pattern", 1)
	measured(f.Calibrated, "calibrated",
		"on the patterns, the probe keeps a complex correlation of %.2f with itself", 1)
	if len(f.Orientations) == 0 {
		row("orientation", "not tried: correct the other findings first")
		return
	}
	row("orientation", "residual of %d central patterns, of positions in a random order %.3g:", f.Tried, *f.Shuffled)
	for _, o := range f.Orientations {
		row("", "%s %.3g", o.Name+strings.Repeat(" ", 22-len(o.Name)), o.Residual)
	}
}

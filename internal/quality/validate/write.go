package validate

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteJSON writes everything.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// WriteText writes the facts, then one finding after the other with its fix.
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
		if _, err := fmt.Fprintf(out, "\n%s: %s\n", f.Severity, f.sentence()); err != nil {
			return err
		}
		if f.Fix == "" {
			continue
		}
		if _, err := fmt.Fprintf(out, "fix: %s\n", f.Fix); err != nil {
			return err
		}
	}
	return nil
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

// write writes one fact per line.
func (f *Facts) write(w io.Writer) {
	row := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	row("patterns", "%d of %d x %d pixels, taken as %s, %s", f.Patterns, f.Size, f.Size, f.Input, f.Layout)
	if f.Photons != nil {
		row("light", "%.4g a pattern", *f.Photons)
	}
	row("positions", "x %.1f to %.1f, y %.1f to %.1f", f.X[0], f.X[1], f.Y[0], f.Y[1])
	if f.Step != nil {
		row("neighbours", "%.2f pixels apart, the median", *f.Step)
	}
	if f.Probe != nil {
		row("probe", "%.1f pixels wide", *f.Probe)
	}
	if f.Overlap != nil {
		row("overlap", "%.0f%% of the probe's width", 100**f.Overlap)
	}
	if f.FarField != nil {
		row("far field", "of the probe, likeness %.2f to the mean pattern", *f.FarField)
	}
	if f.Calibrated != nil {
		row("calibrated", "on the patterns, the probe keeps a complex correlation of %.2f with itself", *f.Calibrated)
	}
	if len(f.Orientations) == 0 {
		row("orientation", "not tried: the rest has to be in order first")
		return
	}
	row("orientation", "residual of %d central patterns, of positions in a random order %.3g:", f.Tried, *f.Shuffled)
	for _, o := range f.Orientations {
		row("", "%s %.3g", o.Name+strings.Repeat(" ", 22-len(o.Name)), o.Residual)
	}
}

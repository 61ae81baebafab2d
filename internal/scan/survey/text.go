package survey

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"ptyx/internal/format/npz"
	"ptyx/internal/scan/source"
)

// Limits of the text, so that a file of a beamline with thousands of motors stays readable.
const (
	mostLines    = 200
	mostChildren = 40 // of a group
)

// WriteText prints the arrays, the guesses and the command.
func (s *Survey) WriteText(w io.Writer) error {
	p := &printer{w: w}
	for i := range s.Files {
		p.file(&s.Files[i])
	}
	p.guesses(s.Guesses)
	if missing := s.missing(); len(missing) > 0 {
		p.line("\nnot found")
		for _, m := range missing {
			p.line("  " + m)
		}
	}
	if len(s.Command) > 0 {
		p.line("\ntry\n  " + quoted(s.Command))
	}
	return p.err
}

// printer writes lines until the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, printable(text))
	}
}

// printable replaces what names in a file may have to disturb a terminal.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' || unicode.IsPrint(c) {
			return c
		}
		return '\ufffd'
	}, text)
}

// file prints the entries of a file.
func (p *printer) file(f *File) {
	layout := cmp.Or(f.Layout, "none that ptyx knows")
	if f.Text {
		layout = "columns of text"
	}
	p.line(fmt.Sprintf("%s, layout: %s", f.Path, layout))
	table := tabwriter.NewWriter(p.w, 0, 4, 2, ' ', 0)
	children, lines, hidden, without := map[string]int{}, 0, 0, map[string]bool{}
	for _, e := range f.Entries {
		group := path.Dir(e.Path)
		if children[group]++; children[group] > mostChildren || lines == mostLines || without[group] {
			hidden++
			without[e.Path] = true // nor what is in it
			continue
		}
		lines++
		fmt.Fprintf(table, "  %s%s\t%s\n", strings.Repeat("  ", strings.Count(e.Path, "/")),
			printable(path.Base(e.Path)),
			strings.TrimSpace(printable(describe(e))))
	}
	if err := table.Flush(); p.err == nil {
		p.err = err
	}
	switch {
	case !f.Complete:
		p.line(fmt.Sprintf("  ... and more than %d other entries", hidden))
	case hidden > 0:
		p.line(fmt.Sprintf("  ... and %d other entries; --json lists them", hidden))
	}
	for _, fault := range f.Faults {
		p.line("  fault: " + fault)
	}
}

// describe is an entry in a few words.
func describe(e source.Entry) string {
	var words []string
	add := func(text string) { words = append(words, text) }
	switch {
	case e.Group:
		add("group")
	case e.Type != "":
		add(strings.TrimLeft(e.Type, "<>|"))
		if len(e.Shape) > 0 {
			add(npz.Header{Shape: e.Shape}.ShapeText())
		}
	}
	if e.Value != "" {
		add("= " + e.Value)
	}
	if e.Units != "" {
		add(e.Units)
	}
	if e.Chunk != nil {
		add("chunks " + npz.Header{Shape: e.Chunk}.ShapeText())
	}
	if len(e.Filters) > 0 {
		add(strings.Join(e.Filters, "+"))
	}
	if e.Parts > 0 {
		add(fmt.Sprintf("virtual, %d parts", e.Parts))
	}
	if e.Link != "" {
		add("-> " + e.Link)
	}
	if e.Fault != "" {
		add("FAULT " + e.Fault)
	}
	return strings.Join(words, "  ")
}

// guesses prints what looks like a part of a scan.
func (p *printer) guesses(all []Guess) {
	if len(all) == 0 {
		return
	}
	p.line("\nlooks like")
	table := tabwriter.NewWriter(p.w, 0, 4, 2, ' ', 0)
	last := Role("")
	for _, g := range all {
		role := string(g.Role)
		if g.Role == last {
			role = "  or"
		}
		last = g.Role
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", role, printable(strings.Join(slices.Compact(slices.Clone(g.Paths)),
			", ")), printable(g.Why),
			printable(quoted(g.Flags)))
	}
	if err := table.Flush(); p.err == nil {
		p.err = err
	}
}

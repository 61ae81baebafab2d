// Package table reads columns of numbers from text: CSV with commas, semicolons or tabs, and columns between blanks,
// with or without a line of names, as beamlines and spreadsheets write them. It looks at the text, never at the
// extension.
//
// A Table is a file whose beginning is known; Columns then reads it through, in memory for these columns alone. Lines
// are split by encoding/csv. Every fault of a file is a *badinput.Error.
package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"ptyx/internal/base/badinput"
)

// Limits of a file, which no list of positions reaches.
const (
	longestLine = 1 << 20 // bytes
	mostRows    = 1 << 27
	mostLead    = 1000    // lines before the first of numbers
	longestLead = 4 << 20 // bytes of these lines
)

// Table is a text file of columns.
type Table struct {
	path   string
	names  []string
	named  bool // the file has names; else names are numbers from 0
	comma  rune
	header int // lines before the first of numbers
	sample []string
}

// Is reports whether the beginning of a file is text.
func Is(start []byte) bool {
	return len(start) > 0 && !bytes.ContainsFunc(start, func(c rune) bool {
		return c < ' ' && !strings.ContainsRune("\t\r\n\f", c) || c == 0x7f
	})
}

// Open reads the beginning of a file: its names and the form of its lines.
func Open(path string) (*Table, error) {
	f, _, err := badinput.Open(path, "a text file of columns")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t := &Table{path: path}
	lines, lead, size := newLines(f), []string(nil), 0
	for {
		text, err := lines.next()
		if errors.Is(err, io.EOF) || len(lead) > mostLead || size > longestLead {
			return nil, t.fault("", "text without columns of numbers", "at least two columns", "")
		}
		if err != nil {
			return nil, t.unreadable(lines.line, err)
		}
		if comma, fields := formOf(text); comma != 0 {
			t.comma, t.header, t.sample = comma, len(lead), fields
			break
		}
		lead, size = append(lead, text), size+len(text)
	}
	if t.names = namesIn(lead, len(t.sample)); t.names != nil {
		t.named = true
		return t, nil
	}
	for i := range t.sample {
		t.names = append(t.names, strconv.Itoa(i))
	}
	return t, nil
}

// Path is the file's path as it was given.
func (t *Table) Path() string { return t.path }

// Names are those of the columns; numbers from 0 if the file has none.
func (t *Table) Names() []string { return slices.Clone(t.names) }

// Named reports whether the file has names of columns.
func (t *Table) Named() bool { return t.named }

// Sample is the first line of numbers.
func (t *Table) Sample() []string { return slices.Clone(t.sample) }

// Numeric reports whether a column has a number in the first line of numbers.
func (t *Table) Numeric(column int) bool {
	_, ok := number(t.sample[column])
	return ok
}

// Find is the column of a name, or else of a number from 0; -1 if there is none.
func (t *Table) Find(name string) int {
	if at := slices.Index(t.names, name); at >= 0 {
		return at
	}
	at := slices.IndexFunc(t.names, func(n string) bool { return strings.EqualFold(n, strings.TrimSpace(name)) })
	if at >= 0 {
		return at
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < len(t.names) {
		return n
	}
	return -1
}

// Columns reads columns by their numbers. A value may be NaN or infinite.
func (t *Table) Columns(at ...int) ([][]float64, error) {
	f, _, err := badinput.Open(t.path, "a text file of columns")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := newLines(f)
	for range t.header {
		if _, err := lines.next(); err != nil {
			return nil, t.unreadable(lines.line, err)
		}
	}
	records := newRecords(lines, t.comma)
	out := make([][]float64, len(at))
	for rows := 0; ; rows++ {
		fields, err := records.next()
		line := t.header + records.line
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, t.unreadable(line, err)
		case rows == mostRows:
			return nil, t.fault("", fmt.Sprintf("more than %d rows", mostRows), "a list of positions", "")
		}
		for i, column := range at {
			if column >= len(fields) {
				return nil, t.fault(fmt.Sprintf("line %d", line), fmt.Sprintf("%d columns", len(fields)),
					fmt.Sprintf("%d, as in the first line of numbers", len(t.sample)), "")
			}
			v, ok := number(fields[column])
			if !ok {
				return nil, t.fault(fmt.Sprintf("line %d", line), strconv.Quote(shortened(fields[column])),
					"a number in column "+t.names[column], "")
			}
			out[i] = append(out[i], v)
		}
	}
}

// fault is an error about a place of the file.
func (t *Table) fault(place, found, expected, remedy string) error {
	return &badinput.Error{File: t.path, Key: place, Found: found, Expected: expected, Remedy: remedy}
}

// unreadable is the error for a line that cannot be read.
func (t *Table) unreadable(line int, err error) error {
	place := fmt.Sprintf("line %d", line)
	if errors.Is(err, errTooLong) {
		return t.fault(place, fmt.Sprintf("a line of more than %d bytes", longestLine), "a line for each position", "")
	}
	return &badinput.Error{File: t.path, Key: place, Found: "a line that cannot be read", Cause: badinput.Cause(err)}
}

// shortened is a field for a message.
func shortened(field string) string {
	const most = 40
	if len(field) > most {
		return field[:most] + "..."
	}
	return field
}

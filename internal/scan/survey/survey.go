// Package survey says what a file of any layout holds, and which of its arrays look like parts of a scan. It judges by
// shape, type, name and unit, and names the flags that would read them. Whether a guess is right, only a reconstruction
// shows: ptyx validate tries it.
package survey

import (
	"errors"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/source"
)

// Survey is what files of one scan hold.
type Survey struct {
	Files   []File   `json:"files"`
	Guesses []Guess  `json:"guesses"` // the likeliest for each role first
	Command []string `json:"command"` // that would check the scan; none if there are no patterns

	follow string
	crop   bool   // the detector is oblong or large, or has an odd side
	short  string // an array of too few positions; empty: there is none
}

// File is what one file holds.
type File struct {
	Path     string         `json:"file"`
	Layout   string         `json:"layout"`   // that ptyx knows; empty: none
	Text     bool           `json:"text"`     // a table: its arrays are columns
	Entries  []source.Entry `json:"entries"`  // at most a limit
	Complete bool           `json:"complete"` // there are no more entries
	Faults   []string       `json:"faults"`   // why its layout does not make a scan of it
	known    *source.Source // nil: no layout
	browser  *source.Browser
}

// mostEntries are listed of one file.
const mostEntries = 20000

// Files surveys files: the first has the patterns, others may have positions, a mask or a probe.
func Files(paths []string, o source.Options) (*Survey, error) {
	s := &Survey{Guesses: []Guess{}, Command: []string{}, follow: o.FollowLinks}
	defer s.close()
	for _, path := range paths {
		if err := s.add(path, o); err != nil {
			return nil, err
		}
	}
	s.guess()
	s.Command = s.command()
	return s, nil
}

// add surveys one file.
func (s *Survey) add(path string, o source.Options) error {
	b, err := source.Browse(path, o)
	if err != nil {
		return err
	}
	s.Files = append(s.Files, File{Path: path, Text: b.Text(), Complete: true, browser: b, Entries: []source.Entry{},
		Faults: []string{}})
	f := &s.Files[len(s.Files)-1]
	err = b.Walk(func(e source.Entry) bool {
		if len(f.Entries) == mostEntries {
			f.Complete = false
			return false
		}
		f.Entries = append(f.Entries, e)
		return true
	})
	if err != nil || f.Text {
		return err
	}
	known, err := source.Open(path, o)
	switch bad := (*badinput.Error)(nil); {
	case err == nil:
		f.known, f.Layout = known, known.Facts.Layout
	case errors.As(err, &bad) && bad.Key == "": // no layout at all
	default:
		f.Faults = append(f.Faults, err.Error())
	}
	return nil
}

func (s *Survey) close() {
	for _, f := range s.Files {
		_ = f.browser.Close() // read only
		if f.known != nil {
			_ = f.known.Close()
		}
	}
}

// has reports whether ptyx finds an array of the contract in the file without flags.
func (f *File) has(keys ...string) bool {
	for _, key := range keys {
		if f.known != nil && f.known.Has(key) {
			return true
		}
	}
	return false
}

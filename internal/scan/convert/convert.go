// Package convert turns the files of the field into one another: the body of `ptyx convert`.
//
// It reads a scan or a result into a content, whose coordinates are in object pixels and whose Geometry says how many
// metres these are, and writes the content as a Target. targets.go is the table of targets; each has a file of its own.
// To add one, write that file and add its row. What a target cannot hold is logged as a warning; what it needs and the
// content lacks is a *badinput.Error. The package stands above dataset, source, hdf5, npz, tiff and render.
package convert

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/scan/dataset"
)

// Options of a conversion.
type Options struct {
	To         Target
	View       dataset.View // how to read the input
	Input      dataset.InputKind
	Layout     dataset.Orientation
	ProbeFile  string // takes the probe from another file
	ObjectFile string // takes the object from another file, of the same scan
	Log        *slog.Logger
}

// Result is what a conversion wrote.
type Result struct {
	File     string   `json:"file"`
	Format   Target   `json:"format"`
	Contents []string `json:"contents"` // what was written, in words
	Lost     []string `json:"left_out"` // what the file has no place for, in words
}

func (r Result) String() string {
	t, _ := r.Format.row()
	return fmt.Sprintf("%s: %s with %s", r.File, t.what, strings.Join(r.Contents, ", "))
}

// File converts the file in to the file out.
func File(in, out string, o Options) (*Result, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := destination.File("OUT", out); err != nil {
		return nil, err
	}
	if err := distinct(in, out); err != nil {
		return nil, err
	}
	if _, err := o.To.choose(out, nil); err != nil { // before the input is read
		return nil, err
	}
	c, err := read(in, o)
	if err != nil {
		return nil, err
	}
	defer c.close()
	to, err := o.To.choose(out, c)
	if err != nil {
		return nil, err
	}
	w := &writer{
		content: c, path: out, log: o.Log, library: o.View.Library,
		result: &Result{File: out, Format: to.name, Contents: []string{}, Lost: []string{}},
	}
	return w.result, to.write(w)
}

// distinct refuses to write over the input.
func distinct(in, out string) error {
	a, err := os.Stat(in)
	if err != nil {
		return nil // the reader reports it
	}
	if b, err := os.Stat(out); err == nil && os.SameFile(a, b) {
		return &badinput.Error{File: out, Key: "OUT", Found: "the input itself", Expected: "another file"}
	}
	return nil
}

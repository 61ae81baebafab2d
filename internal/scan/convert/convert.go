// Package convert turns files of the field into one another: it reads what a file holds, a scan or a result, into a content, and
// writes that in the format of another program. It is the body of `ptyx convert`.
//
// The nouns: a Target is a format to be written; a content is what was read, with coordinates in object pixels and a Geometry that
// says what these are in metres. What a target cannot hold is logged as a warning; what it needs and the content lacks is a
// *badinput.Error. The package stands above dataset, source, hdf5, npz and render.
package convert

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/scan/dataset"
)

// Target is a format to be written.
type Target string

// The targets. The zero value is chosen by the name of the file.
const (
	Auto     Target = ""
	PINN     Target = "pinn"     // PtychoPINN's layout, NPZ or HDF5
	Product  Target = "product"  // a product of ptychodus, HDF5 or NPZ
	Patterns Target = "patterns" // patterns alone, as ptychodus reads them, HDF5 or NPZ
	CXI      Target = "cxi"
	TIFF     Target = "tiff"
	PNG      Target = "png"
)

// UnmarshalText reads a target from a flag.
func (t *Target) UnmarshalText(text []byte) error {
	switch to := Target(text); to {
	case PINN, Product, Patterns, CXI, TIFF, PNG:
		*t = to
		return nil
	}
	return fmt.Errorf("found %q, expected pinn, product, patterns, cxi, tiff or png", text)
}

// Options of a conversion.
type Options struct {
	To         Target
	View       dataset.View // how the input is looked at
	Input      dataset.InputKind
	Layout     dataset.Orientation
	ProbeFile  string // takes the probe from another file
	ObjectFile string // takes the object from another file, of the same scan
	Log        *slog.Logger
}

// format is how a target is written, and into what.
type format struct {
	what       string // in words
	extensions []string
	write      func(w *writer) error
}

// formats are all that can be written.
func formats() map[Target]format {
	return map[Target]format{
		PINN:     {"a scan in PtychoPINN's layout", []string{".npz", ".h5", ".hdf5", ".hdf"}, (*writer).pinn},
		Product:  {"a ptychodus product", []string{".h5", ".hdf5", ".hdf", ".npz"}, (*writer).product},
		Patterns: {"patterns for ptychodus", []string{".h5", ".hdf5", ".hdf", ".npz"}, (*writer).patterns},
		CXI:      {"a CXI file", []string{".cxi", ".h5", ".hdf5"}, (*writer).cxi},
		TIFF:     {"a TIFF file", []string{".tif", ".tiff"}, (*writer).tiff},
		PNG:      {"a picture", []string{".png"}, (*writer).png},
	}
}

// Result is what a conversion wrote.
type Result struct {
	File     string   `json:"file"`
	Format   Target   `json:"format"`
	Contents []string `json:"contents"` // what was written, in words
	Lost     []string `json:"left_out"` // what the file has no place for, in words
}

func (r Result) String() string {
	return fmt.Sprintf("%s: %s with %s", r.File, formats()[r.Format].what, strings.Join(r.Contents, ", "))
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
	if _, err := o.To.orByName(out, nil); err != nil { // before the input is read
		return nil, err
	}
	c, err := read(in, o)
	if err != nil {
		return nil, err
	}
	defer c.close()
	to, err := o.To.orByName(out, c)
	if err != nil {
		return nil, err
	}
	w := &writer{content: c, path: out, log: o.Log, library: o.View.Library, result: &Result{File: out, Format: to, Contents: []string{}, Lost: []string{}}}
	if err := formats()[to].write(w); err != nil {
		return nil, err
	}
	return w.result, nil
}

// distinct refuses to write over what is being read.
func distinct(in, out string) error {
	a, err := os.Stat(in)
	if err != nil {
		return nil // the reader will say it
	}
	if b, err := os.Stat(out); err == nil && os.SameFile(a, b) {
		return &badinput.Error{File: out, Key: "OUT", Found: "the input itself", Expected: "another file"}
	}
	return nil
}

// orByName is the target itself, or what the name of the file says. An extension that several targets share is settled by the
// content, once that is known.
func (t Target) orByName(path string, c *content) (Target, error) {
	extension := strings.ToLower(filepath.Ext(path))
	var fit []string
	for _, to := range []Target{PINN, Product, Patterns, CXI, TIFF, PNG} {
		if slices.Contains(formats()[to].extensions, extension) {
			fit = append(fit, string(to))
		}
	}
	fault := func(found, expected string) (Target, error) {
		return Auto, &badinput.Error{File: path, Key: "OUT", Found: found, Expected: expected}
	}
	switch {
	case t != Auto && !slices.Contains(formats()[t].extensions, extension):
		return fault(fmt.Sprintf("the extension %q", extension), fmt.Sprintf("%s for --to %s", strings.Join(formats()[t].extensions, ", "), t))
	case t != Auto:
		return t, nil
	case len(fit) == 0:
		return fault(fmt.Sprintf("the extension %q", extension), ".npz, .h5, .hdf5, .cxi, .tif or .png")
	case extension == ".cxi" || len(fit) == 1:
		return Target(fit[len(fit)-1]), nil
	case c == nil:
		return Auto, nil
	case c.scan == nil:
		return Product, nil
	case extension == ".npz":
		return PINN, nil
	}
	return Auto, &badinput.Error{
		File: path, Key: "--to", Found: "nothing", Expected: "pinn (patterns, positions, probe), product (positions, probe and object, no patterns), patterns or cxi, which all are HDF5 files",
	}
}

// writer writes one content to one file.
type writer struct {
	*content
	path    string
	library string
	log     *slog.Logger
	result  *Result // what was written so far
}

// lost says that the target has no place for something.
func (w *writer) lost(what string) {
	w.result.Lost = append(w.result.Lost, what)
	w.log.Warn("left out: "+w.path+" has no place for it", "what", what)
}

// said notes something that was written.
func (w *writer) said(format string, args ...any) {
	w.result.Contents = append(w.result.Contents, fmt.Sprintf(format, args...))
}

// needs is a complaint about something that the target cannot do without.
func (w *writer) needs(what, expected, remedy string) error {
	return &badinput.Error{File: w.content.path, Found: what, Expected: expected, Remedy: remedy}
}

// hdf5 makes an HDF5 file.
func (w *writer) hdf5(fill func(f *hdf5.Writer) error) error {
	l, err := hdf5.Load(w.library)
	if err != nil {
		return err
	}
	return l.Create(w.path, fill)
}

// isNPZ tells an NPZ file by its name.
func (w *writer) isNPZ() bool { return strings.EqualFold(filepath.Ext(w.path), ".npz") }

package convert

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/choice"
)

// Target is the name of a format to be written.
type Target string

// Auto chooses the target by the name of the file.
const Auto Target = ""

// target is a format to be written.
type target struct {
	name       Target
	what       string // in words
	extensions []string
	write      func(w *writer) error
}

// targets are all formats, in the order in which messages list them. Each row is a file of this folder.
func targets() []target { return []target{pinn, product, patterns, cxi, tiffImages, png} }

// row is the row of a target.
func (t Target) row() (target, bool) {
	for _, row := range targets() {
		if row.name == t {
			return row, true
		}
	}
	return target{}, false
}

// UnmarshalText reads a target from a flag.
func (t *Target) UnmarshalText(text []byte) error {
	var names []Target
	for _, row := range targets() {
		names = append(names, row.name)
	}
	return choice.Set(t, text, names...)
}

// choose gives the row of the target, or the row that fits the name of the file. If several targets share an extension
// the content decides; before it is read it is nil, and a row without name says that the choice is open.
func (t Target) choose(path string, c *content) (target, error) {
	extension := strings.ToLower(filepath.Ext(path))
	fault := func(key, found, expected string) (target, error) {
		return target{}, &badinput.Error{File: path, Key: key, Found: found, Expected: expected}
	}
	if row, ok := t.row(); ok {
		if !slices.Contains(row.extensions, extension) {
			return fault("OUT", fmt.Sprintf("the extension %q", extension),
				fmt.Sprintf("%s for --to %s", strings.Join(row.extensions, ", "), t))
		}
		return row, nil
	}
	fit := slices.DeleteFunc(targets(), func(row target) bool { return !slices.Contains(row.extensions, extension) })
	switch {
	case len(fit) == 0:
		return fault("OUT", fmt.Sprintf("the extension %q", extension), ".npz, .h5, .hdf5, .cxi, .tif or .png")
	case len(fit) == 1:
		return fit[0], nil
	case c == nil:
		return target{}, nil
	case c.scan == nil:
		return product, nil
	case extension == ".npz":
		return pinn, nil
	}
	return fault("--to", "nothing", "pinn (patterns, positions, probe), product (positions, probe and object, "+
		"no patterns), patterns or cxi, which all are HDF5 files")
}

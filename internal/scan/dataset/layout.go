package dataset

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
)

// Layout is how to read a scan, as a YAML file keeps it. Its keys are the names of flags, with underscores.
type Layout struct {
	Input       InputKind   `yaml:"input,omitempty"`
	Orientation Orientation `yaml:"layout,omitempty"`
	ProbeFile   string      `yaml:"probe_file,omitempty"` // FILE[:PATH]
	View        View        `yaml:",inline"`
}

// LayoutOf is the layout that options describe. It leaves out defaults, and the library of this machine.
func LayoutOf(o Options) Layout {
	l := Layout{Input: o.Input, Orientation: o.Orientation, ProbeFile: o.ProbeFile, View: o.View}
	if l.Input == Auto {
		l.Input = ""
	}
	if l.Orientation == OrientationAuto {
		l.Orientation = ""
	}
	if l.View.Bin == 1 {
		l.View.Bin = 0
	}
	l.View.Library = ""
	return l
}

// files are the fields that name a file, FILE[:PATH]. In YAML they are relative to its folder.
func (l *Layout) files() []*string {
	return append(l.View.files(), &l.ProbeFile)
}

// LoadLayout reads a layout. Relative names of files become relative to the working directory.
func LoadLayout(path string) (Layout, error) {
	var l Layout
	text, err := os.ReadFile(path)
	if err != nil {
		return l, &badinput.Error{
			File: path, Key: "--layout-file", Found: "a file that cannot be read",
			Expected: "a layout, as ptyx validate --save-layout writes it", Cause: badinput.Cause(err),
		}
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&l); err != nil && !errors.Is(err, io.EOF) {
		return l, &badinput.Error{
			File: path, Found: "a layout that cannot be read",
			Expected: "a line KEY: VALUE for each flag that reads a scan, with underscores", Cause: err,
		}
	}
	if err := l.View.check(); err != nil {
		if bad := (*badinput.Error)(nil); errors.As(err, &bad) {
			bad.File = path
		}
		return l, err
	}
	for _, name := range l.files() {
		if *name != "" && (*name)[0] != ':' && !filepath.IsAbs(*name) {
			*name = filepath.Join(filepath.Dir(path), *name)
		}
	}
	return l, nil
}

// Save writes the layout. Relative names of files become relative to the folder of path.
func (l Layout) Save(path string) error {
	for _, name := range l.files() {
		file, place := split(*name)
		if file == "" || filepath.IsAbs(file) {
			continue
		}
		relative, err := relativeTo(filepath.Dir(path), file)
		if err != nil {
			return err
		}
		if *name = filepath.ToSlash(relative); place != "" {
			*name += ":" + place
		}
	}
	text := []byte("# How ptyx reads a scan: --layout-file " + filepath.Base(path) + "\n")
	if l != (Layout{}) {
		keys, err := yaml.Marshal(l)
		if err != nil {
			return err
		}
		text = append(text, keys...)
	}
	return destination.WriteFile(path, text, 0o644)
}

// relativeTo is the name of a file seen from a folder, both given as seen from the working directory.
func relativeTo(folder, file string) (string, error) {
	from, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}

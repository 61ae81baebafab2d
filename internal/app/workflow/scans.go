package workflow

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/dataset"
)

// Paths are files in a fixed order. In YAML one path is a string, several are a list.
type Paths []string

// MarshalYAML writes the paths.
func (p Paths) MarshalYAML() (any, error) {
	if len(p) == 1 {
		return p[0], nil
	}
	return []string(p), nil
}

// UnmarshalYAML reads a string or a list of strings.
func (p *Paths) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*p = Paths{""}
		return node.Decode(&(*p)[0])
	}
	return node.Decode((*[]string)(p))
}

// expand replaces each pattern of file names by the files that match it, sorted by name. The name of an existing file
// is no pattern.
func (p Paths) expand(flag string) (Paths, error) {
	var all Paths
	for _, path := range p {
		matches := []string{path}
		if _, err := os.Stat(path); err != nil && strings.ContainsAny(path, `*?[`) {
			if matches, err = filepath.Glob(path); err != nil || len(matches) == 0 {
				return nil, &badinput.Error{
					File: path, Key: flag, Found: "no file that matches", Expected: "at least one scan", Cause: err,
				}
			}
			slices.Sort(matches)
		}
		for _, m := range matches {
			if slices.Contains(all, m) {
				return nil, &badinput.Error{File: m, Key: flag, Found: "the same scan twice", Expected: "each once"}
			}
			all = append(all, m)
		}
	}
	return all, nil
}

// scanFiles are open scans.
type scanFiles []*dataset.Scan

// openTraining opens the training scans. Each has its own probe, the only one of probes, or that at its place.
func openTraining(paths, probes Paths, o dataset.Options) (scanFiles, error) {
	if len(paths) == 0 {
		return nil, &badinput.Error{Key: "--train-data-file", Found: "nothing", Expected: "a scan to train on"}
	}
	if n := len(probes); n > 1 && n != len(paths) {
		return nil, &badinput.Error{
			Key: "--probe-file", Found: fmt.Sprintf("%d files for %d scans", n, len(paths)),
			Expected: "one for all, or one for each scan",
		}
	}
	o.ProbeOptional = true
	return openScans(paths, func(i int) dataset.Options {
		if n := len(probes); n > 0 {
			o.ProbeFile = probes[min(i, n-1)]
		}
		return o
	})
}

// openValidation opens scans without their probes: each is seen with the probe of a training scan.
func openValidation(paths Paths, o dataset.Options) (scanFiles, error) {
	o.NoProbe = true
	return openScans(paths, func(int) dataset.Options { return o })
}

// openScans opens all files or none. Where the crop is automatic, all patterns have the size of the first scan's.
func openScans(paths Paths, options func(i int) dataset.Options) (scanFiles, error) {
	var files scanFiles
	for i, path := range paths {
		read := options(i)
		if len(files) > 0 {
			read.Side = files[0].N
		}
		scan, err := dataset.Open(path, read)
		if err != nil {
			_ = files.Close()
			return nil, err
		}
		files = append(files, scan)
	}
	return files, nil
}

// Close closes them all.
func (s scanFiles) Close() error {
	var err error
	for _, scan := range s {
		err = errors.Join(err, scan.Close())
	}
	return err
}

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

// Paths are files in an order that counts. In YAML one is written as a string, several as a list.
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
		var one string
		err := node.Decode(&one)
		*p = Paths{one}
		return err
	}
	return node.Decode((*[]string)(p))
}

// expand replaces each pattern of file names by the files that match it, sorted by name. What exists under the very name is
// no pattern.
func (p Paths) expand(flag string) (Paths, error) {
	var all Paths
	for _, path := range p {
		matches := []string{path}
		if _, err := os.Stat(path); err != nil && strings.ContainsAny(path, `*?[`) {
			if matches, err = filepath.Glob(path); err != nil || len(matches) == 0 {
				return nil, &badinput.Error{File: path, Key: flag, Found: "no file that matches", Expected: "at least one scan", Cause: err}
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

// scanFiles are opened scans.
type scanFiles []*dataset.Scan

// openScans opens scans with the probes of their own, with one for all, or with one for each.
func openScans(paths, probes Paths, o dataset.Options) (scanFiles, error) {
	if len(paths) == 0 {
		return nil, &badinput.Error{Key: "--train-data-file", Found: "nothing", Expected: "a scan to train on"}
	}
	if n := len(probes); n > 1 && n != len(paths) {
		return nil, &badinput.Error{Key: "--probe-file", Found: fmt.Sprintf("%d files for %d scans", n, len(paths)), Expected: "one for all, or one for each scan"}
	}
	var files scanFiles
	for i, path := range paths {
		switch len(probes) {
		case 0:
		case 1:
			o.ProbeFile = probes[0]
		default:
			o.ProbeFile = probes[i]
		}
		scan, err := dataset.Open(path, o)
		if err != nil {
			_ = files.Close()
			return nil, err
		}
		files = append(files, scan)
	}
	return files, nil
}

// openValidation opens scans that are seen with the probes of others.
func openValidation(paths Paths, o dataset.Options) (scanFiles, error) {
	o.NoProbe = true
	var files scanFiles
	for _, path := range paths {
		scan, err := dataset.Open(path, o)
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

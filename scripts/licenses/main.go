// Command licenses writes the table of docs/licenses.md: every module that is linked into ptyx, its version, and the
// licence in its own file. A module with an unknown licence is an error: someone must read it first.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	rows, err := table()
	if err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
	fmt.Print(rows)
}

// table is a row for each module that the command links, in alphabetical order.
func table() (string, error) {
	modules, err := linked()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| module | version | licence |\n| --- | --- | --- |\n")
	for _, m := range modules {
		name, err := licence(m.dir)
		if err != nil {
			return "", fmt.Errorf("%s: %w", m.path, err)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.path, m.version, name)
	}
	return b.String(), nil
}

type module struct{ path, version, dir string }

// linked are the modules of the program for Linux, except ptyx.
func linked() ([]module, error) {
	list := exec.Command("go", "list", "-deps", "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}", "ptyx/cmd/ptyx")
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=1")
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var modules []module
	lines := strings.Split(string(out), "\n")
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		if parts := strings.Split(line, "\t"); len(parts) == 3 {
			modules = append(modules, module{parts[0], parts[1], parts[2]})
		}
	}
	return modules, nil
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([.-].*)?$`)

// licence names the licences in the licence files of a module, joined by "and".
func licence(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var names []string
	for _, e := range entries {
		// it holds only a link
		if e.IsDir() || !licenceFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), "-link.txt") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		name := recognise(string(text))
		if name == "" {
			return "", fmt.Errorf("%s holds an unknown licence", e.Name())
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "", fmt.Errorf("no licence file in %s", dir)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " and "), nil
}

// marks are words that only the text of one licence has, by its SPDX name; the first match counts.
var marks = []struct {
	name  string
	words []string
}{
	{"Apache-2.0", []string{"Apache License", "Version 2.0"}},
	{"OFL-1.1", []string{"SIL OPEN FONT LICENSE"}},
	{"MPL-2.0", []string{"Mozilla Public License", "2.0"}},
	{"FTL or GPL-2.0-or-later", []string{"The FreeType License", "your choice"}},
	{"CC-BY-4.0", []string{"Creative Commons Attribution 4.0"}},
	{"CC-BY-3.0", []string{"Creative Commons Attribution 3.0"}},
	{"Unlicense", []string{"free and unencumbered software released into the public domain"}},
	{"BSD-3-Clause", []string{"Redistribution and use in source and binary forms", "endorse or promote"}},
	{"BSD-2-Clause", []string{"Redistribution and use in source and binary forms", "Redistributions in binary form"}},
	{"MIT", []string{"Permission is hereby granted, free of charge"}},
	{"ISC", []string{"Permission to use, copy, modify, and/or distribute this software"}},
}

// recognise names a licence by its text; empty for an unknown one.
func recognise(text string) string {
	plain := strings.Join(strings.Fields(text), " ")
	for _, m := range marks {
		if !slices.ContainsFunc(m.words, func(w string) bool { return !strings.Contains(plain, w) }) {
			return m.name
		}
	}
	return ""
}

package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"ptyx/internal/app/manual"
)

var update = flag.Bool("update", false, "write docs/commands anew")

// commandPages is the folder with the page of each command.
const commandPages = root + "/docs/commands"

// TestCommandPages holds docs/commands to what the commands declare.
func TestCommandPages(t *testing.T) {
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, p := range manual.Pages(parser.Model) {
		pages[p.Name] = p.Text
	}
	if *update {
		writePages(t, pages)
	}
	there, err := filepath.Glob(commandPages + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range there {
		name := filepath.Base(path)
		if _, wanted := pages[name]; !wanted {
			t.Errorf("docs/commands/%s is the page of no command; remove it, or run: make docs", name)
		}
	}
	for name, text := range pages {
		if data, err := os.ReadFile(filepath.Join(commandPages, name)); err != nil || string(data) != text {
			t.Errorf("docs/commands/%s does not say what the command says (%v); to make it anew: make docs", name, err)
		}
	}
}

func writePages(t *testing.T, pages map[string]string) {
	t.Helper()
	if err := os.RemoveAll(commandPages); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(commandPages, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(commandPages, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

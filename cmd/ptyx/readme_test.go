package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"ptyx/internal/app/manual"
)

// readmeLines is how long the README may be: a reader who is short of time sees what ptyx is for.
const readmeLines = 100

// TestReadmeFlags holds the README and the reference to the commands: they name no flag that does not exist. The
// reference names each command, with a link to the page that has its flags (see TestCommandPages).
func TestReadmeFlags(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(readme), "\n"); lines > readmeLines {
		t.Errorf("the README has %d lines, %d are allowed", lines, readmeLines)
	}
	reference, err := os.ReadFile("../../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	exist := map[string]bool{}
	note := func(flags []*kong.Flag) {
		for _, f := range flags {
			exist[f.Name] = true
		}
	}
	note(parser.Model.Flags)
	for _, command := range parser.Model.Leaves(true) {
		note(command.Flags)
		link := fmt.Sprintf("[%s](commands/%s)", command.FullPath(), manual.File(command))
		if !strings.Contains(string(reference), link) {
			t.Errorf("the reference does not mention %s as %s", command.FullPath(), link)
		}
	}
	named := regexp.MustCompile(`--[a-z][a-z0-9_-]*[a-z0-9]|--n\b`).FindAllString(string(readme)+string(reference), -1)
	if len(named) < 20 {
		t.Errorf("only %d flags found in the README and the reference", len(named))
	}
	for _, name := range named {
		if !exist[strings.ReplaceAll(strings.TrimPrefix(name, "--"), "_", "-")] {
			t.Errorf("the README or the reference speaks of %s, which does not exist", name)
		}
	}
}

// TestUnderscores holds the contract with PtychoPINN's scripts: each flag of several words is understood both ways.
func TestUnderscores(t *testing.T) {
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Children {
		for _, f := range command.Flags {
			want := strings.ReplaceAll(f.Name, "-", "_")
			if want == f.Name {
				continue
			}
			found := false
			for _, alias := range f.Aliases {
				found = found || alias == want
			}
			if !found {
				t.Errorf("ptyx %s: --%s has no alias --%s", command.Name, f.Name, want)
			}
		}
	}
}

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestReadmeFlags holds the README to the commands: every flag is in it, and every flag in it exists.
func TestReadmeFlags(t *testing.T) {
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, m := range regexp.MustCompile(`--[a-z][a-z0-9_-]*[a-z0-9]|--n\b`).FindAllString(string(data), -1) {
		said[strings.ReplaceAll(strings.TrimPrefix(m, "--"), "_", "-")] = true
	}
	parser, err := kong.New(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	exist := map[string]bool{}
	note := func(flags []*kong.Flag) {
		for _, f := range flags {
			exist[f.Name] = true
			if !said[f.Name] && f.Name != "help" {
				t.Errorf("the README does not mention --%s", f.Name)
			}
		}
	}
	note(parser.Model.Flags)
	for _, command := range parser.Model.Children {
		note(command.Flags)
		if !strings.Contains(string(data), "ptyx "+command.Name) {
			t.Errorf("the README does not mention ptyx %s", command.Name)
		}
	}
	for name := range said {
		if !exist[name] {
			t.Errorf("the README speaks of --%s, which does not exist", name)
		}
	}
}

// TestUnderscores holds the contract with PtychoPINN's scripts: each flag of several words is understood both ways.
func TestUnderscores(t *testing.T) {
	parser, err := kong.New(&cli{})
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

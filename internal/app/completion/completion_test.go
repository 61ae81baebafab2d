package completion

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

type colour string

func (c *colour) UnmarshalText(text []byte) error {
	switch *c = colour(text); *c {
	case "red", "dark-blue":
		return nil
	}
	return fmt.Errorf("found %q, expected red or dark-blue", text)
}

type paintCmd struct {
	Where   string        `arg:"" complete:"directory"`
	Colour  colour        `help:"Of the wall: [any] it's 'got'."`
	Colours []colour      `help:"Several."`
	From    string        `help:"A file."`
	To      *string       `complete:"directory"`
	At      string        `complete:"-"`
	Coats   *int          `short:"c"`
	Drying  time.Duration `hidden:""`
	Fast    *bool
}

func model(t *testing.T, cli any) *kong.Application {
	t.Helper()
	parser, err := kong.New(cli, kong.Name("house"))
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
}

func TestWhatFlagsTake(t *testing.T) {
	var cli struct {
		Paint paintCmd `cmd:""`
	}
	var got []string
	node := model(t, &cli).Children[0]
	for _, f := range flagsOf(node.Flags) {
		got = append(got, fmt.Sprint(f.name, f.short, " ", f.takes, f.repeats))
	}
	got = append(got, fmt.Sprint("argument ", argument(node.Positional)))
	want := []string{"colour {2 [red dark-blue]} false", "colours {2 [red dark-blue]} true", "from {3 []} false", "to {4 []} false", "at {1 []} false",
		"coatsc {1 []} false", "fast {0 []} false", "argument {4 []}"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestHelpIsHarmless: what a help says of brackets, quotes and colons is no part of a script.
func TestHelpIsHarmless(t *testing.T) {
	for help, want := range map[string]string{
		"Of the wall: [any] it's 'got'.": "Of the wall", "Print $HOME `now`. More.": "Print HOME now", "a:b [c] \\d": "ab c d", "": "",
	} {
		if got := brief(help); got != want {
			t.Errorf("%q becomes %q, want %q", help, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	var nested struct {
		Paint struct {
			Wall struct{} `cmd:""`
		} `cmd:""`
	}
	if err := Write(&bytes.Buffer{}, model(t, &nested), Bash); err == nil || !strings.Contains(err.Error(), "house paint") {
		t.Errorf("commands within commands: %v", err)
	}
	var s Shell
	if err := s.UnmarshalText([]byte("tcsh")); err == nil {
		t.Error("tcsh is taken")
	}
	for _, want := range []Shell{Bash, Zsh, Fish} {
		if err := s.UnmarshalText([]byte(want)); err != nil || s != want {
			t.Errorf("%s is read as %q (%v)", want, s, err)
		}
	}
}

package completion

import (
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
	Where   string        `arg:"" placeholder:"DIR"`
	Colour  colour        `help:"Of the wall: [any] it's 'got'."`
	Colours []colour      `help:"Several."`
	From    string        `placeholder:"FILE" help:"A file."`
	To      *string       `placeholder:"DIR"`
	At      string        `placeholder:"HOST:PORT"`
	Through string        `placeholder:"URL"`
	Coats   *int          `short:"c" aliases:"how-many"`
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

func TestCandidates(t *testing.T) {
	var cli struct {
		Paint paintCmd `cmd:"" help:"Paint a wall."`
		Ghost struct{} `cmd:"" hidden:""`
		Quiet bool     `short:"q"`
	}
	app := model(t, &cli)
	colours := "red|dark-blue"
	flags := "--help\tShow context-sensitive help.|--quiet\t|--colour\tOf the wall: [any] it's 'got'.|" +
		"--colours\tSeveral.|--from\tA file.|--to\t|--at\t|--through\t|--coats\t|--fast\t"
	for line, want := range map[string]string{
		"":                               "paint\tPaint a wall.",
		"pai":                            "paint\tPaint a wall.",
		"-q ":                            "paint\tPaint a wall.",
		"paint --":                       flags,
		"paint --colour ":                colours,
		"paint --colour=d":               colours,
		"paint --colour = d":             colours,
		"paint --colours red --colours ": colours,
		"paint --from x":                 ":file",
		"paint --to ":                    ":directory",
		"paint --at ":                    "",
		"paint --through ":               "",
		"paint --coats ":                 "",
		"paint -c ":                      "",
		"paint --how-many ":              "",
		"paint --how-many 3 ":            ":directory",
		"paint --fast ":                  ":directory",
		"paint ":                         ":directory",
		"paint wall ":                    ":directory",
		"ghost ":                         "",
	} {
		if got := strings.Join(Candidates(app, strings.Split(line, " ")), "|"); got != want {
			t.Errorf("%q is completed by %q, want %q", line, got, want)
		}
	}
}

func TestShells(t *testing.T) {
	var s Shell
	if err := s.UnmarshalText([]byte("tcsh")); err == nil {
		t.Error("tcsh is taken")
	}
	for _, want := range []Shell{"bash", "zsh", "fish"} {
		if err := s.UnmarshalText([]byte(want)); err != nil || s != want {
			t.Errorf("%s is read as %q (%v)", want, s, err)
		}
	}
}

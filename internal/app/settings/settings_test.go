package settings_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"ptyx/internal/app/settings"
	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/dataset"
)

type bakeCmd struct {
	Config    settings.File
	JSON      bool `name:"json"`
	OutputDir string
	Loaves    int `default:"2"`
	Heat      float64
	Seed      uint64 `default:"0"`
	Turned    *bool
	Crust     bool
	Crop      dataset.Crop
	Input     dataset.InputKind `default:"auto"`
	Secret    string            `hidden:""`
	Oven      string            `settings:"-"`
}

type cli struct {
	Bake    bakeCmd `cmd:""`
	Verbose bool
}

// parse returns the command that args fill, and the command line.
func parse(t *testing.T, args ...string) (bakeCmd, *kong.Context, error) {
	t.Helper()
	var c cli
	parser, err := kong.New(&c, kong.Name("house"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(append([]string{"bake"}, args...))
	if err != nil {
		return c.Bake, nil, err
	}
	return c.Bake, parsed, nil
}

// file writes a file of settings.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bake.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSettingsComeBack: settings of every type, written to a file and read from it, are the same.
func TestSettingsComeBack(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{
			"--output-dir=a: b #c", "--loaves=7", "--heat=1.25e-9", "--seed=18446744073709551615", "--turned=false",
			"--crust", "--crop=128@3,4", "--input=intensity",
		},
		{"--output-dir=true", "--turned", "--crop=64"},
		{"--output-dir=0x10"},
	} {
		want, line, err := parse(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		text, err := settings.Of(line)
		if err != nil {
			t.Fatal(err)
		}
		path := file(t, string(text))
		got, _, err := parse(t, "--config="+path)
		if err != nil {
			t.Fatal(err)
		}
		if want.Config = settings.File(path); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is written as\n%s\nand read as %+v, want %+v", args, text, got, want)
		}
	}
}

// TestWhatIsWritten: one line for each setting, in the order of the flags; no empty or hidden ones, and no other flags.
func TestWhatIsWritten(t *testing.T) {
	_, line, err := parse(t, "--crust", "--json", "--secret=s", "--oven=at:home@2", "--output-dir=out", "--seed=3")
	if err != nil {
		t.Fatal(err)
	}
	text, err := settings.Of(line)
	if want := "output_dir: out\nloaves: 2\nseed: 3\ncrust: true\ninput: auto\n"; err != nil || string(text) != want {
		t.Errorf("wrote\n%s(%v), want\n%s", text, err, want)
	}
}

// TestGiven: only flags of the command line are written, empty ones too.
func TestGiven(t *testing.T) {
	_, line, err := parse(t, "--crust=false", "--output-dir=", "--loaves=0", "--oven=there")
	if err != nil {
		t.Fatal(err)
	}
	text, err := settings.Given(line)
	if want := "output_dir: \"\"\nloaves: 0\ncrust: false\n"; err != nil || string(text) != want {
		t.Errorf("wrote\n%s(%v), want\n%s", text, err, want)
	}
}

func TestGivenFlagsWin(t *testing.T) {
	path := file(t, "loaves: 7\nseed: 9\nturned: true\n")
	for _, args := range [][]string{
		{"--config=" + path, "--loaves=3", "--turned=false"}, {"--turned=false", "--loaves=3", "--config=" + path},
	} {
		got, _, err := parse(t, args...)
		if err != nil || got.Loaves != 3 || got.Seed != 9 || *got.Turned {
			t.Errorf("%q: %+v, %v", args, got, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"an unknown key":          {"colour: red", "colour: found a setting that house bake does not have"},
		"a flag of every command": {"verbose: true", "verbose: found a setting that house bake does not have"},
		"the file itself":         {"config: other.yaml", "config: found a setting"},
		"a hidden flag":           {"secret: s", "secret: found a setting"},
		"not a setting":           {"oven: there", "oven: found a setting"},
		"a format of the output":  {"json: true", "json: found a setting"},
		"dashes":                  {"output-dir: a", "output-dir: found a setting"},
		"a list":                  {"loaves: [1, 2]", "loaves: found no single value"},
		"nothing":                 {"loaves:", "loaves: found no single value"},
		"a list at the top":       {"- loaves", "found settings that cannot be read"},
		"no YAML":                 {"loaves: [1", "found settings that cannot be read"},
		"a word for a number":     {"loaves: many", "--loaves: expected a valid"},
		"an unknown word":         {"input: sound", "--input: "},
	} {
		_, _, err := parse(t, "--config="+file(t, c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q in one line", name, err, c.want)
		}
	}
	var bad *badinput.Error
	if _, _, err := parse(t, "--config=missing.yaml"); !errors.As(err, &bad) || bad.File != "missing.yaml" {
		t.Errorf("no file: %v", err)
	}
	if _, _, err := parse(t, "--config="+file(t, "")); err != nil {
		t.Errorf("an empty file is refused: %v", err)
	}
}

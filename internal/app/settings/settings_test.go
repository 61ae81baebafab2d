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

func parse(t *testing.T, args ...string) (bakeCmd, *kong.Node, error) {
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
	return c.Bake, parsed.Selected(), nil
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

// TestSettingsComeBack: what a command was told, whatever its type, is what it is told by the file of it.
func TestSettingsComeBack(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{"--output-dir=a: b #c", "--loaves=7", "--heat=1.25e-9", "--seed=18446744073709551615", "--turned=false", "--crust", "--crop=128@3,4", "--input=intensity"},
		{"--output-dir=true", "--turned", "--crop=64"},
		{"--output-dir=0x10"},
	} {
		want, node, err := parse(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		text, err := settings.Of(node)
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

// TestWhatIsWritten: one line for each setting, in the order of the flags; nothing of what is empty, hidden, or no setting.
func TestWhatIsWritten(t *testing.T) {
	_, node, err := parse(t, "--crust", "--json", "--secret=s", "--oven=at:home@2", "--output-dir=out", "--seed=3")
	if err != nil {
		t.Fatal(err)
	}
	text, err := settings.Of(node)
	if want := "output_dir: out\nloaves: 2\nseed: 3\ncrust: true\ninput: auto\n"; err != nil || string(text) != want {
		t.Errorf("wrote\n%s(%v), want\n%s", text, err, want)
	}
}

func TestGivenFlagsWin(t *testing.T) {
	path := file(t, "loaves: 7\nseed: 9\nturned: true\n")
	for _, args := range [][]string{{"--config=" + path, "--loaves=3", "--turned=false"}, {"--turned=false", "--loaves=3", "--config=" + path}} {
		got, _, err := parse(t, args...)
		if err != nil || got.Loaves != 3 || got.Seed != 9 || *got.Turned {
			t.Errorf("%q: %+v, %v", args, got, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"an unknown key":        {"colour: red", "colour: found a setting that house bake does not have"},
		"a flag of all":         {"verbose: true", "verbose: found a setting that house bake does not have"},
		"the file itself":       {"config: other.yaml", "config: found a setting"},
		"a hidden flag":         {"secret: s", "secret: found a setting"},
		"what is no setting":    {"oven: there", "oven: found a setting"},
		"what is printed":       {"json: true", "json: found a setting"},
		"dashes":                {"output-dir: a", "output-dir: found a setting"},
		"a list":                {"loaves: [1, 2]", "loaves: found no single value"},
		"nothing":               {"loaves:", "loaves: found no single value"},
		"a list of all":         {"- loaves", "found settings that cannot be read"},
		"no YAML":               {"loaves: [1", "found settings that cannot be read"},
		"a word for a number":   {"loaves: many", "--loaves: expected a valid"},
		"a word of another set": {"input: sound", "--input: "},
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
		t.Errorf("an empty file says nothing, and is no fault: %v", err)
	}
}

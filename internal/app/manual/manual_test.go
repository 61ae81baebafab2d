package manual_test

import (
	"testing"

	"github.com/alecthomas/kong"

	"ptyx/internal/app/manual"
)

const long = "A long help is wrapped like the rest of the page, at a hundred and twenty columns, so that it " +
	"can be read in an editor."

type grow struct {
	Seed  string `arg:"" help:"What to sow."`
	Water int    `default:"3" help:"Litres a day."`
	Bed   string `required:"" placeholder:"BED" help:"Where."`
	Light string `placeholder:"[LAMP:]HOURS" help:"${long}"`
	Fast  bool   `short:"f" help:"Hurry."`
	Late  string `hidden:"" help:"Not shown."`
	Tools `embed:"" group:"Tools"`
}

type Tools struct {
	Spade string `placeholder:"FILE" default:"spade" help:"To dig with."`
}

// Help is the command's longer text.
func (grow) Help() string { return "Patience helps." }

type app struct {
	Grow  grow     `cmd:"" help:"Grow a plant."`
	Idle  struct{} `cmd:"" help:"Do nothing."`
	Ghost struct{} `cmd:"" hidden:"" help:"Not shown."`
	Loud  bool     `short:"l" help:"Say more."`
}

const wantIndex = `# The commands of garden

A garden.

- [garden grow](grow.md): Grow a plant.
- [garden idle](idle.md): Do nothing.

## Flags of every command

Each flag of several words is also understood with underscores: ` + "`--output_dir`" + `.

- ` + "`-h, --help`" + `: Show context-sensitive help.
- ` + "`-l, --loud`" + `: Say more.
` + footer

const wantGrow = `# garden grow

Grow a plant.

    garden grow --bed=BED <seed> [flags]

Patience helps.

## Arguments

- ` + "`seed`" + `: What to sow.

## Flags

- ` + "`--water`" + `: Litres a day. Default: ` + "`3`" + `.
- ` + "`--bed BED`" + `: Where. Required.
- ` + "`--light [LAMP:]HOURS`: A long help is wrapped like the rest of the page, at a hundred and twenty columns, " +
	`so that it
  can be read in an editor.
- ` + "`-f, --fast`" + `: Hurry.

## Tools

- ` + "`--spade FILE`" + `: To dig with. Default: ` + "`spade`" + `.

Flags of every command: [README.md](README.md).
` + footer

const wantIdle = `# garden idle

Do nothing.

    garden idle [flags]

Flags of every command: [README.md](README.md).
` + footer

const footer = "\n*`make docs` writes this page from the command's declaration. Edit that, not the page.*\n"

func TestPages(t *testing.T) {
	parser, err := kong.New(&app{}, kong.Name("garden"), kong.Description("A garden."), kong.Vars{"long": long})
	if err != nil {
		t.Fatal(err)
	}
	want := []manual.Page{
		{Name: "README.md", Text: wantIndex}, {Name: "grow.md", Text: wantGrow}, {Name: "idle.md", Text: wantIdle},
	}
	got := manual.Pages(parser.Model)
	if len(got) != len(want) {
		t.Fatalf("%d pages, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("page %d is\n%+v\nwant\n%+v", i, got[i], w)
		}
	}
}

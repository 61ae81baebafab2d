package manual_test

import (
	"testing"

	"github.com/alecthomas/kong"

	"ptyx/internal/app/manual"
)

type grow struct {
	Seed  string `arg:"" help:"What to sow."`
	Water int    `default:"3" help:"Litres | a day."`
	Bed   string `required:"" placeholder:"BED" help:"Where."`
	Light string `placeholder:"sun" help:"Of which kind."`
	Fast  bool   `short:"f" help:"Hurry."`
	Late  string `hidden:"" help:"Nobody's business."`
	Tools `embed:"" group:"Tools"`
}

type Tools struct {
	Spade string `placeholder:"FILE" help:"To dig with."`
}

// Help is the command's longer text.
func (grow) Help() string { return "Patience helps." }

type app struct {
	Grow  grow     `cmd:"" help:"Grow a plant."`
	Idle  struct{} `cmd:"" help:"Do nothing."`
	Ghost struct{} `cmd:"" hidden:"" help:"Not shown."`
	Loud  bool     `short:"l" help:"Say more."`
}

const wantIndex = "# The commands of garden\n\nA garden.\n\n| command | |\n| --- | --- |\n" +
	"| [garden grow](grow.md) | Grow a plant. |\n| [garden idle](idle.md) | Do nothing. |\n" +
	"\nFlags of every command. Each flag of several words is also understood with underscores: `--output_dir`.\n\n" +
	"| flag | default | |\n| --- | --- | --- |\n| `-h, --help` |  | Show context-sensitive help. |\n| `-l, --loud` |  | Say more. |\n" + made

const wantGrow = "# garden grow\n\nGrow a plant.\n\n    garden grow --bed=BED <seed> [flags]\n\nPatience helps.\n" +
	"\n| argument | |\n| --- | --- |\n| `seed` | What to sow. |\n" +
	"\n| flag | default | |\n| --- | --- | --- |\n| `--water` | `3` | Litres \\| a day. |\n| `--bed BED` | required | Where. |\n" +
	"| `--light` | `sun` | Of which kind. |\n| `-f, --fast` |  | Hurry. |\n" +
	"\n## Tools\n\n| flag | default | |\n| --- | --- | --- |\n| `--spade FILE` |  | To dig with. |\n" +
	"\nFlags of every command: [README.md](README.md).\n" + made

const wantIdle = "# garden idle\n\nDo nothing.\n\n    garden idle [flags]\n\nFlags of every command: [README.md](README.md).\n" + made

const made = "\n*Made by `make docs` of what the command declares: change it there, not here.*\n"

func TestPages(t *testing.T) {
	parser, err := kong.New(&app{}, kong.Name("garden"), kong.Description("A garden."))
	if err != nil {
		t.Fatal(err)
	}
	want := []manual.Page{{Name: "README.md", Text: wantIndex}, {Name: "grow.md", Text: wantGrow}, {Name: "idle.md", Text: wantIdle}}
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

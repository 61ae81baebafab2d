// Package manual writes the pages of docs/commands from what the commands declare, so that the two cannot differ. Its nouns are
// the Page and, from kong, the application with its commands and flags. It stands beside the commands and reads nothing.
package manual

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"
)

// Index is the file that lists the pages.
const Index = "README.md"

// Page is a file of docs/commands.
type Page struct {
	Name string // of the file
	Text string // Markdown
}

const made = "\n*Made by `make docs` of what the command declares: change it there, not here.*\n"

// Pages are those of an application: the index first, then one for each command that help shows, in help's order.
func Pages(app *kong.Application) []Page {
	commands := app.Leaves(true)
	pages := []Page{{Name: Index, Text: index(app, commands)}}
	for _, c := range commands {
		pages = append(pages, Page{Name: File(c), Text: page(app, c)})
	}
	return pages
}

// File is the name of a command's page.
func File(command *kong.Node) string {
	return strings.ReplaceAll(command.Path(), " ", "-") + ".md"
}

func index(app *kong.Application, commands []*kong.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The commands of %s\n\n%s\n\n", app.Name, app.Help)
	b.WriteString("| command | |\n| --- | --- |\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "| [%s](%s) | %s |\n", c.FullPath(), File(c), cell(c.Help))
	}
	b.WriteString("\nFlags of every command. Each flag of several words is also understood with underscores: `--output_dir`.\n\n")
	flags(&b, app.Flags)
	b.WriteString(made)
	return b.String()
}

func page(app *kong.Application, c *kong.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n    %s %s\n", c.FullPath(), c.Help, app.Name, c.Summary())
	if c.Detail != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Detail)
	}
	if len(c.Positional) > 0 {
		b.WriteString("\n| argument | |\n| --- | --- |\n")
		for _, p := range c.Positional {
			fmt.Fprintf(&b, "| `%s` | %s |\n", strings.Trim(p.Summary(), "<>"), cell(p.Help))
		}
	}
	for _, g := range groups(c.Flags) {
		b.WriteString("\n")
		if g.title != "" {
			fmt.Fprintf(&b, "## %s\n\n", g.title)
		}
		flags(&b, g.flags)
	}
	fmt.Fprintf(&b, "\nFlags of every command: [%s](%s).\n", Index, Index)
	b.WriteString(made)
	return b.String()
}

type group struct {
	title string
	flags []*kong.Flag
}

// groups are the flags by their title, those without one first, in the order in which they are declared.
func groups(all []*kong.Flag) []group {
	found := []group{{}}
	at := map[string]int{"": 0}
	for _, f := range all {
		if shown := f.Name != "help" && !f.Hidden; !shown {
			continue
		}
		title := ""
		if f.Group != nil {
			title = f.Group.Title
		}
		if _, known := at[title]; !known {
			at[title] = len(found)
			found = append(found, group{title: title})
		}
		i := at[title]
		found[i].flags = append(found[i].flags, f)
	}
	if len(found[0].flags) == 0 {
		return found[1:]
	}
	return found
}

func flags(b *strings.Builder, list []*kong.Flag) {
	b.WriteString("| flag | default | |\n| --- | --- | --- |\n")
	for _, f := range list {
		if f.Hidden {
			continue
		}
		name, standard := parts(f)
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, standard, cell(f.Help))
	}
}

// parts are a flag as it is typed, with the name of its value, and what holds without it. A placeholder in capitals is such a
// name, as is that of a flag with a default or without a choice; any other is what the command takes if nothing is said.
func parts(f *kong.Flag) (name, standard string) {
	name = "--" + f.Name
	if f.Short != 0 {
		name = fmt.Sprintf("-%c, %s", f.Short, name)
	}
	switch {
	case f.Required:
		standard = "required"
	case f.HasDefault:
		standard = "`" + f.Default + "`"
	}
	if f.PlaceHolder == "" {
		return name, standard
	}
	if standard != "" || unicode.IsUpper([]rune(f.PlaceHolder)[0]) {
		return name + " " + f.PlaceHolder, standard
	}
	return name, "`" + f.PlaceHolder + "`"
}

// cell is a text as it stands in a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", `\|`), "\n", " ")
}

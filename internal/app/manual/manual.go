// Package manual writes the pages of docs/commands from what the commands declare, so that the two cannot differ. It
// stands beside the commands. Its nouns are the Page and, from kong, the application with its commands and flags.
package manual

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Index is the file that lists the pages.
const Index = "README.md"

// Page is a file of docs/commands.
type Page struct {
	Name string // of the file
	Text string // Markdown
}

const footer = "\n*`make docs` writes this page from the command's declaration. Edit that, not the page.*\n"

// Pages returns the index, then one page for each command that --help shows, in its order.
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
	for _, c := range commands {
		item(&b, fmt.Sprintf("[%s](%s)", c.FullPath(), File(c)), c.Help)
	}
	b.WriteString("\n## Flags of every command\n\n")
	b.WriteString("Each flag of several words is also understood with underscores: `--output_dir`.\n\n")
	flags(&b, app.Flags)
	b.WriteString(footer)
	return b.String()
}

func page(app *kong.Application, c *kong.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n    %s %s\n", c.FullPath(), c.Help, app.Name, c.Summary())
	if c.Detail != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Detail)
	}
	if len(c.Positional) > 0 {
		b.WriteString("\n## Arguments\n\n")
		for _, p := range c.Positional {
			item(&b, "`"+strings.Trim(p.Summary(), "<>")+"`", p.Help)
		}
	}
	for _, g := range groups(c.Flags) {
		fmt.Fprintf(&b, "\n## %s\n\n", g.title)
		flags(&b, g.flags)
	}
	fmt.Fprintf(&b, "\nFlags of every command: [%s](%s).\n", Index, Index)
	b.WriteString(footer)
	return b.String()
}

type group struct {
	title string
	flags []*kong.Flag
}

// groups sorts the shown flags by their title, those without one first, in the order of their declaration.
func groups(all []*kong.Flag) []group {
	found := []group{{title: "Flags"}}
	at := map[string]int{"": 0}
	for _, f := range all {
		if f.Name == "help" || f.Hidden {
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
	for _, f := range list {
		if f.Hidden {
			continue
		}
		name := "--" + f.Name
		if f.Short != 0 {
			name = fmt.Sprintf("-%c, %s", f.Short, name)
		}
		if f.PlaceHolder != "" {
			name += " " + f.PlaceHolder
		}
		help := f.Help
		switch {
		case f.Required:
			help += " Required."
		case f.HasDefault:
			help += " Default: `" + f.Default + "`."
		}
		item(b, "`"+name+"`", help)
	}
}

// item writes an entry of a list, wrapped like the rest of the pages.
func item(b *strings.Builder, name, text string) {
	const columns = 120
	line := "- " + name + ":"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > columns {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

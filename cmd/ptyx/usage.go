package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// plainer replaces kong's words for a fault in the command line by plain ones.
var plainer = strings.NewReplacer(
	`, expecting "<arg>"`, "", " (string)", "", "expected a float but got", "expected a number but got",
	"a valid 64 bit uint but", "a whole number, 0 or more, but", "a valid 64 bit int but", "a whole number but",
)

// misuse is a fault in the command line, and its parts for --json if it is one of a flag.
type misuse struct {
	text                  string
	flag, found, expected string
}

func (m *misuse) Error() string { return m.text }

// faultsOfFlags are the forms of a sentence about a flag: --flag: found "X", expected Y; and so on.
var faultsOfFlags = []*regexp.Regexp{
	regexp.MustCompile(`^(?P<flag>--[\w-]+): found "?(?P<found>.*?)"?, expected (?P<expected>.*)$`),
	regexp.MustCompile(`^(?P<flag>--[\w-]+): expected (?P<expected>.*?),? but got "?(?P<found>.*?)"?$`),
	regexp.MustCompile(`^(?P<found>unknown flag) (?P<flag>--[\w-]+)`),
	regexp.MustCompile(`^(?P<flag>--[\w-]+): (?P<found>[^;]*)`),
}

// misused takes a sentence about the command line apart.
func misused(text string) error {
	for _, form := range faultsOfFlags {
		if m := form.FindStringSubmatch(text); m != nil {
			part := func(name string) string {
				if i := form.SubexpIndex(name); i > 0 {
					return m[i]
				}
				return ""
			}
			return &misuse{text, part("flag"), part("found"), part("expected")}
		}
	}
	return &misuse{text: text}
}

// usage explains a command line that cannot be read, and points to the help that shows the right way.
func usage(err error) error {
	fault := (*kong.ParseError)(nil)
	if !errors.As(err, &fault) {
		return err
	}
	text := oneSpelling(plainer.Replace(err.Error()))
	if flag, _, ok := strings.Cut(text, ": expected "); ok && strings.HasSuffix(text, `"EOL" (<EOL>)`) {
		text = flag + ": missing value"
	} else if name, ok := strings.CutPrefix(text, `expected "`); ok {
		text = "found no " + strings.TrimSuffix(name, `"`)
	} else if strings.HasPrefix(text, "expected one of ") { // kong shortens the list that follows
		text = "found no command"
	}
	command := fault.Context.Selected()
	word, unexpected := strings.CutPrefix(text, "unexpected argument ")
	if unexpected && command != nil && len(command.Positional) == 0 && isFile(word) {
		text += ": files are named by flags here, such as --" + firstFlag(command)
	}
	if strings.HasSuffix(text, "?") || !isSyntax(text) {
		return misused(text)
	}
	name := "ptyx"
	if command != nil {
		name = command.FullPath()
	}
	return misused(fmt.Sprintf("%s; see %s --help", text, name))
}

// flagName is a flag in quotes, as kong suggests one.
var flagName = regexp.MustCompile(`"--[\w-]+"`)

// oneSpelling names each flag that kong suggests once, with hyphens: it also knows them with underscores.
func oneSpelling(text string) string {
	said, names, ok := strings.Cut(text, ", did you mean ")
	if !ok {
		return text
	}
	var flags []string
	for _, name := range flagName.FindAllString(names, -1) {
		if name = strings.ReplaceAll(name, "_", "-"); !slices.Contains(flags, name) {
			flags = append(flags, name)
		}
	}
	switch len(flags) {
	case 0:
		return text
	case 1:
		return said + ", did you mean " + flags[0] + "?"
	}
	return said + ", did you mean one of " + strings.Join(flags, ", ") + "?"
}

// isSyntax reports whether a fault is in the form of the command line, rather than in the value of a flag.
func isSyntax(text string) bool {
	for _, beginning := range []string{"unexpected argument", "unknown flag", "missing flags", "found no "} {
		if strings.HasPrefix(text, beginning) {
			return true
		}
	}
	return strings.HasSuffix(text, ": missing value")
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// firstFlag is the first flag that a command declares itself.
func firstFlag(command *kong.Node) string {
	for _, f := range command.Flags {
		if f.Name != "help" {
			return f.Name
		}
	}
	return "help"
}

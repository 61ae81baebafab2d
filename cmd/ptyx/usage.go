package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// plainer replaces kong's words for a fault in the command line by plain ones.
var plainer = strings.NewReplacer(
	`, expecting "<arg>"`, "", " (string)", "", "expected a float but got", "expected a number but got",
	"a valid 64 bit uint but", "a whole number, 0 or more, but", "a valid 64 bit int but", "a whole number but",
)

// usage explains a command line that cannot be read, and points to the help that shows the right way.
func usage(err error) error {
	fault := (*kong.ParseError)(nil)
	if !errors.As(err, &fault) {
		return err
	}
	text := plainer.Replace(err.Error())
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
		return errors.New(text)
	}
	name := "ptyx"
	if command != nil {
		name = command.FullPath()
	}
	return fmt.Errorf("%s; see %s --help", text, name)
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

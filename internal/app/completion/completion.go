// Package completion completes command lines of ptyx in a Shell. Script is the few lines that a shell loads. At each
// tab they call the hidden command `ptyx complete`, which prints what Candidates finds in the declarations of the
// commands. The package stands beside the commands, as manual does.
package completion

import (
	_ "embed"
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"
)

// Shell names a shell.
type Shell string

var (
	//go:embed ptyx.bash
	bash string
	//go:embed ptyx.zsh
	zsh string
	//go:embed ptyx.fish
	fish string
)

// Script is the script that a shell loads. It is empty for an unknown shell.
func (s Shell) Script() string { return map[Shell]string{"bash": bash, "zsh": zsh, "fish": fish}[s] }

// UnmarshalText reads a shell from the command line.
func (s *Shell) UnmarshalText(text []byte) error {
	if Shell(text).Script() == "" {
		return fmt.Errorf("found %q, expected bash, zsh or fish", text)
	}
	*s = Shell(text)
	return nil
}

// What a shell completes by itself, in place of candidates.
const (
	files       = ":file"
	directories = ":directory"
)

// Candidates lists the completions of the last word of a command line, which begins after the program's name. A line is
// a word, or a word, a tab and its help. The single line ":file" or ":directory" leaves the completion to the shell.
func Candidates(app *kong.Application, words []string) []string {
	if len(words) == 0 {
		return nil
	}
	last := words[len(words)-1]
	command, position := app.Node, 0
	var awaited *kong.Flag // the flag whose value comes next
	for _, word := range words[:len(words)-1] {
		switch {
		case word == "=": // bash splits --flag=value into three words
		case awaited != nil:
			awaited = nil
		case strings.HasPrefix(word, "-"):
			if f := flagNamed(app, command, word); f != nil && !f.IsBool() {
				awaited = f
			}
		case command == app.Node:
			for _, child := range app.Children {
				if child.Name == word {
					command = child
				}
			}
		default:
			position++
		}
	}
	if name, _, assigned := strings.Cut(last, "="); assigned && awaited == nil {
		awaited = flagNamed(app, command, name)
	}
	switch {
	case awaited != nil:
		return values(awaited.Value, awaited.PlaceHolder)
	case strings.HasPrefix(last, "-"):
		return flags(slices.Concat(app.Flags, command.Flags))
	case command == app.Node:
		return commands(app)
	case len(command.Positional) > 0:
		p := command.Positional[min(position, len(command.Positional)-1)]
		return values(p, p.Tag.PlaceHolder)
	}
	return nil
}

func commands(app *kong.Application) (lines []string) {
	for _, c := range app.Leaves(true) {
		lines = append(lines, c.Name+"\t"+c.Help)
	}
	return lines
}

func flags(list []*kong.Flag) (lines []string) {
	for _, f := range list {
		if !f.Hidden {
			lines = append(lines, "--"+f.Name+"\t"+f.Help)
		}
	}
	return lines
}

// flagNamed finds a flag by the word that names it, such as --seed, --batch_size or -q; nil if there is none.
func flagNamed(app *kong.Application, command *kong.Node, word string) *kong.Flag {
	name := strings.TrimLeft(word, "-")
	for _, f := range slices.Concat(app.Flags, command.Flags) {
		if f.Name == name || string(f.Short) == name || slices.Contains(f.Aliases, name) {
			return f
		}
	}
	return nil
}

// values are the completions of a value: the words that its type takes, or files and directories for a string. Its
// placeholder tells these from strings that a shell cannot complete.
func values(v *kong.Value, placeholder string) []string {
	of := v.Target.Type()
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if words := knownWords(of); len(words) > 0 {
		return words
	}
	switch {
	case of.Kind() != reflect.String || placeholder == "URL" || strings.HasSuffix(placeholder, ":PORT"):
		return nil
	case placeholder == "DIR":
		return []string{directories}
	}
	return []string{files}
}

// knownWords are the words that a type takes, found in the error with which it refuses another word. A struct, such as
// a square of the detector, takes more than it can name.
func knownWords(of reflect.Type) (words []string) {
	text, ok := reflect.New(of).Interface().(encoding.TextUnmarshaler)
	if !ok || of.Kind() == reflect.Struct {
		return nil
	}
	refusal := text.UnmarshalText([]byte("?"))
	if refusal == nil {
		return nil
	}
	separator := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' }
	for _, word := range strings.FieldsFunc(refusal.Error(), separator) {
		if text.UnmarshalText([]byte(word)) == nil && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

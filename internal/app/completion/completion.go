// Package completion writes the scripts that let a shell complete ptyx's command lines, from what the commands declare to kong. Its
// nouns are the Shell, and within it a command with its flags and what each takes: words, a file, a directory, something else.
// Like manual it stands beside the commands and reads nothing.
//
// A flag of a type that knows a few words offers these; any other string is the name of a file, unless its tag says
// complete:"directory" or complete:"-", which is something that a shell cannot know.
package completion

import (
	"encoding"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"
)

// Shell is a shell that scripts are written for.
type Shell string

// The shells.
const (
	Bash Shell = "bash"
	Zsh  Shell = "zsh"
	Fish Shell = "fish"
)

// UnmarshalText reads a shell from the command line.
func (s *Shell) UnmarshalText(text []byte) error {
	switch Shell(text) {
	case Bash, Zsh, Fish:
		*s = Shell(text)
		return nil
	}
	return fmt.Errorf("found %q, expected bash, zsh or fish", text)
}

// Write writes the script that completes an application's command lines. Commands within commands are refused.
func Write(w io.Writer, app *kong.Application, shell Shell) error {
	p := program{name: app.Name, flags: flagsOf(app.Flags)}
	for _, node := range app.Children {
		if node.Hidden {
			continue
		}
		if len(node.Children) > 0 {
			return fmt.Errorf("%s: commands within commands are not completed", node.FullPath())
		}
		p.commands = append(p.commands, command{node.Name, brief(node.Help), flagsOf(node.Flags), argument(node.Positional)})
	}
	script := p.bash
	switch shell {
	case Zsh:
		script = p.zsh
	case Fish:
		script = p.fish
	}
	_, err := io.WriteString(w, script())
	return err
}

// program is what all scripts are made of.
type program struct {
	name     string
	flags    []flag // of every command
	commands []command
}

type command struct {
	name, help string
	flags      []flag
	argument   takes // what stands on the line without a flag
}

type flag struct {
	name, help string
	short      string // a letter; empty: none
	repeats    bool
	takes      takes
}

// takes is what follows a flag.
type takes struct {
	kind  kind
	words []string // of kind words
}

type kind int

const (
	nothing kind = iota
	other        // something that a shell cannot know
	words
	file
	directory
)

func flagsOf(list []*kong.Flag) (flags []flag) {
	for _, f := range list {
		if f.Hidden {
			continue
		}
		one := flag{name: f.Name, help: brief(f.Help), repeats: f.IsCumulative(), takes: takesOf(f.Value)}
		if f.Short != 0 {
			one.short = string(f.Short)
		}
		flags = append(flags, one)
	}
	return flags
}

// argument is what a command takes without a flag: files, if its arguments differ.
func argument(positional []*kong.Positional) takes {
	if len(positional) == 0 {
		return takes{}
	}
	first := takesOf(positional[0])
	for _, p := range positional[1:] {
		if !reflect.DeepEqual(takesOf(p), first) {
			return takes{kind: file}
		}
	}
	return first
}

func takesOf(v *kong.Value) takes {
	if v.IsBool() {
		return takes{}
	}
	of := v.Target.Type()
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if list := known(of); len(list) > 0 {
		return takes{words, list}
	}
	wish := v.Tag.Get("complete")
	switch {
	case of.Kind() != reflect.String || wish == "-":
		return takes{kind: other}
	case wish == "directory":
		return takes{kind: directory}
	}
	return takes{kind: file}
}

// known are the words that a type takes. It names them where it refuses another, and among those that it names it takes these; a type
// that is no simple value, such as a square of the detector, has more than it can name.
func known(of reflect.Type) (list []string) {
	value := reflect.New(of)
	text, ok := value.Interface().(encoding.TextUnmarshaler)
	if !ok || of.Kind() == reflect.Struct {
		return nil
	}
	refusal := text.UnmarshalText([]byte("?"))
	if refusal == nil {
		return nil
	}
	for _, word := range strings.FieldsFunc(refusal.Error(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' }) {
		if text.UnmarshalText([]byte(word)) == nil && !slices.Contains(list, word) {
			list = append(list, word)
		}
	}
	return list
}

// brief is a help's beginning, in letters that no shell takes for its own.
func brief(help string) string {
	for _, end := range []string{". ", "; ", ": "} {
		help, _, _ = strings.Cut(help, end)
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '\'', '"', '`', '\\', '$', '[', ']', ':':
			return -1
		}
		return r
	}, strings.TrimSuffix(help, "."))
}

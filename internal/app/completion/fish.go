package completion

import (
	"fmt"
	"strings"
)

// fish is the script for fish.
func (p program) fish() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Completion of %s for fish, made by: %s completion fish", p.name, p.name)
	line("complete -c %s -f", p.name)
	for _, f := range p.flags {
		line("complete -c %s%s", p.name, fishFlag(f))
	}
	for _, c := range p.commands {
		line("complete -c %s -n __fish_use_subcommand -a %s -d '%s'", p.name, c.name, c.help)
	}
	for _, c := range p.commands {
		within := fmt.Sprintf("complete -c %s -n '__fish_seen_subcommand_from %s'", p.name, c.name)
		for _, f := range c.flags {
			line("%s%s", within, fishFlag(f))
		}
		if c.argument.kind != nothing {
			line("%s%s", within, fishTakes(c.argument))
		}
	}
	return b.String()
}

func fishFlag(f flag) string {
	short := ""
	if f.short != "" {
		short = " -s " + f.short
	}
	return fmt.Sprintf("%s -l %s%s -d '%s'", short, f.name, requires(f.takes), f.help)
}

// requires is what a flag takes, in the next word or behind =.
func requires(t takes) string {
	if t.kind == nothing {
		return ""
	}
	return " -r" + fishTakes(t)
}

func fishTakes(t takes) string {
	switch t.kind {
	case words:
		return fmt.Sprintf(" -f -a '%s'", strings.Join(t.words, " "))
	case file:
		return " -F"
	case directory:
		return " -f -a '(__fish_complete_directories)'"
	}
	return " -f"
}

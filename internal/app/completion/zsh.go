package completion

import (
	"fmt"
	"strings"
)

// zsh is the script for zsh: the function _ptyx of a folder in fpath, or a script to be sourced.
func (p program) zsh() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("#compdef %s", p.name)
	line("# Completion of %s for zsh, made by: %s completion zsh", p.name, p.name)
	line("_%s() {", p.name)
	line("    local curcontext=$curcontext state line")
	line("    local -a commands")
	line("    typeset -A opt_args")
	line("    _arguments -C %s '1:command:->command' '*::argument:->rest'", zshFlags(p.flags))
	line("    case $state in")
	line("    command)")
	line("        commands=(")
	for _, c := range p.commands {
		line("            '%s:%s'", c.name, c.help)
	}
	line("        )")
	line("        _describe command commands")
	line("        ;;")
	line("    rest)")
	line("        case $words[1] in")
	for _, c := range p.commands {
		line("        %s) _arguments %s%s ;;", c.name, zshFlags(append(p.flags[:len(p.flags):len(p.flags)], c.flags...)), zshArgument(c.argument))
	}
	line("        esac")
	line("        ;;")
	line("    esac")
	line("}")
	line("if [[ $funcstack[1] == _%s ]]; then", p.name)
	line("    _%s \"$@\"", p.name)
	line("else")
	line("    compdef _%s %s", p.name, p.name)
	line("fi")
	return b.String()
}

func zshFlags(flags []flag) string {
	var specs []string
	for _, f := range flags {
		value, times, assign := zshTakes(f.takes), "", ""
		if f.repeats {
			times = "*"
		}
		if value != "" {
			assign = "="
		}
		specs = append(specs, fmt.Sprintf("'%s--%s%s[%s]%s'", times, f.name, assign, f.help, value))
		if f.short != "" {
			specs = append(specs, fmt.Sprintf("'-%s[%s]'", f.short, f.help))
		}
	}
	return strings.Join(specs, " ")
}

func zshArgument(t takes) string {
	if t.kind == nothing {
		return ""
	}
	return " '*" + zshTakes(t) + "'"
}

func zshTakes(t takes) string {
	switch t.kind {
	case words:
		return fmt.Sprintf(":value:(%s)", strings.Join(t.words, " "))
	case file:
		return ":file:_files"
	case directory:
		return ":directory:_files -/"
	case other:
		return ":value: "
	}
	return ""
}

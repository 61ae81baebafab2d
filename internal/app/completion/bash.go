package completion

import (
	"fmt"
	"strings"
)

// bash is the script for bash. It works with the bash 3.2 of macOS, but for names of files with spaces, which want compopt.
func (p program) bash() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	var names []string
	for _, c := range p.commands {
		names = append(names, c.name)
	}
	line("# Completion of %s for bash, made by: %s completion bash", p.name, p.name)
	line("_%s() {", p.name)
	line("    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= flags= takes= words= i")
	line("    if [[ $cur == = ]]; then # --flag=value is three words")
	line("        cur=")
	line("    elif [[ $prev == = ]]; then")
	line("        prev=${COMP_WORDS[COMP_CWORD-2]}")
	line("    fi")
	line("    [[ $prev == --* ]] && prev=${prev//_/-}")
	line("    for ((i = 1; i < COMP_CWORD; i++)); do")
	line("        case ${COMP_WORDS[i]} in")
	line("        %s) command=${COMP_WORDS[i]}; break ;;", strings.Join(names, "|"))
	line("        esac")
	line("    done")
	line("    case $command in")
	line("    '')")
	p.bashCase(line, command{flags: nil, argument: takes{words, names}})
	for _, c := range p.commands {
		line("    %s)", c.name)
		p.bashCase(line, c)
	}
	line("    esac")
	line("    [[ $cur == -* && $takes != value ]] && takes=words words=$flags")
	line("    case $takes in")
	line("    words) words=$(compgen -W \"$words\" -- \"$cur\") ;;")
	line("    file) words=$(compgen -f -- \"$cur\") ;;")
	line("    directory) words=$(compgen -d -- \"$cur\") ;;")
	line("    *) words= ;;")
	line("    esac")
	line("    [[ $takes == words ]] || compopt -o filenames 2>/dev/null")
	line("    COMPREPLY=()")
	line("    while IFS= read -r i; do")
	line("        [[ -n $i ]] && COMPREPLY+=(\"$i\")")
	line("    done <<< \"$words\"")
	line("}")
	line("complete -F _%s %s", p.name, p.name)
	return b.String()
}

// bashCase says what follows a command, and each of its flags.
func (p program) bashCase(line func(format string, args ...any), c command) {
	all := append(p.flags[:len(p.flags):len(p.flags)], c.flags...)
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = "--" + f.name
	}
	line("        flags=%q", strings.Join(names, " "))
	line("        case $prev in")
	for _, f := range all {
		if f.takes.kind != nothing {
			line("        --%s) %s ;;", f.name, bashTakes(f.takes))
		}
	}
	line("        *) %s ;;", bashTakes(c.argument))
	line("        esac")
	line("        ;;")
}

func bashTakes(t takes) string {
	switch t.kind {
	case words:
		return fmt.Sprintf("takes=words words=%q", strings.Join(t.words, " "))
	case file:
		return "takes=file"
	case directory:
		return "takes=directory"
	case other:
		return "takes=value"
	}
	return "takes="
}

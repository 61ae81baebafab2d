# Completion of ptyx for bash, from: ptyx completion bash
_ptyx() {
    local cur=${COMP_WORDS[COMP_CWORD]} found
    [[ $cur == = ]] && cur=
    found=$(command "${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    case $found in
    :file) found=$(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null ;;
    :directory) found=$(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null ;;
    *) found=$(compgen -W "$(cut -f1 <<< "$found")" -- "$cur") ;;
    esac
    COMPREPLY=()
    while IFS= read -r cur; do
        [[ -n $cur ]] && COMPREPLY+=("$cur")
    done <<< "$found"
}
complete -F _ptyx ptyx

#compdef ptyx
# Completion of ptyx for zsh, from: ptyx completion zsh
_ptyx() {
    local -a found
    found=("${(@f)$(command $words[1] complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    compset -P '--*='
    case $found[1] in
    '') ;;
    :file) _files ;;
    :directory) _files -/ ;;
    *)
        found=("${(@)found//:/\\:}")
        found=("${(@)found/$'\t'/:}")
        _describe ptyx found
        ;;
    esac
}
if [[ $funcstack[1] == _ptyx ]]; then
    _ptyx "$@"
else
    compdef _ptyx ptyx
fi

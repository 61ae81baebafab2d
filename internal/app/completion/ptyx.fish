# Completion of ptyx for fish, from: ptyx completion fish
function __ptyx_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l flag (string match -r -- '^--[^=]*=' $words[-1])
    set -l value (string replace -- "$flag" '' $words[-1])
    set -l found (command $words[1] complete -- $words[2..] 2>/dev/null)
    switch "$found[1]"
        case :file
            set found (__fish_complete_path $value)
        case :directory
            set found (__fish_complete_directories $value)
    end
    printf "$flag%s\n" $found
end
complete -c ptyx -f -a '(__ptyx_complete)'

# Completion of the PlayReport programs in bash. The table is written from their --help.

# Each line: program, command or -, option, what it takes.
_playreport_options() {
    cat <<'END'
@OPTIONS@
END
}

# The row of an option: what it takes.
_playreport_takes() {
    _playreport_options | awk -v p="$1" -v c="$2" -v o="$3" '$1 == p && $2 == c && $3 == o { print $4; exit }'
}

# Bash parts words at "=": --ack=jo is three words.
_playreport() {
    local program=${1##*/} command=- word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} takes
    [[ ${COMP_WORDS[1]} == -* || $COMP_CWORD -eq 1 ]] || command=${COMP_WORDS[1]}
    COMPREPLY=()
    if [[ $word == = ]]; then
        word=""
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    takes=$(_playreport_takes "$program" "$command" "$before")
    if [[ $before == --* && ($takes == *"|"* && $takes != "on|off" || $takes == value) ||
        ${COMP_WORDS[COMP_CWORD]} == = || ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then
        [[ $takes == *"|"* ]] || { compopt -o default; return; }
        mapfile -t COMPREPLY < <(compgen -W "${takes//|/ }" -- "$word")
        return
    fi
    if [[ $COMP_CWORD -eq 1 && $word != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_playreport_options |
            awk -v p="$program" '$1 == p && $2 != "-" && !seen[$2]++ { print $2 }')" -- "$word")
        return
    fi
    [[ $word == -* ]] || { compopt -o default; return; }
    mapfile -t COMPREPLY < <(compgen -W "$(_playreport_options | awk -v p="$program" -v c="$command" '
        $1 == p && $2 == c { print $3 ($4 == "-" || $4 == "kafka" ? "" : "=") }')" -- "$word")
    [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *[=.] ]] || compopt -o nospace
}

complete -F _playreport playreport-ingest playreport-consumer playreport-load

# bash completion for patchbayctl(8): commands, options, files, and the names that the running
# server knows.

# Asks the server; says nothing when it does not answer.
_patchbayctl_ask() {
    local control=()
    [[ -n $_patchbayctl_control ]] && control=(--control "$_patchbayctl_control")
    patchbayctl "${control[@]}" --timeout 2 "$@" 2>/dev/null
}

# Names of the applications in the configuration.
_patchbayctl_applications() {
    _patchbayctl_ask config get /applications | sed -n 's/^\t"\([^"\\]*\)": .*/\1/p'
}

# Numbers of the versions that are kept.
_patchbayctl_versions() {
    _patchbayctl_ask history | sed -n 's/^ *\([0-9][0-9]*\) .*/\1/p'
}

_patchbayctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local typed=("${COMP_WORDS[@]}") at=$COMP_CWORD
    # Addresses and paths contain characters at which bash breaks words.
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n := -w typed -i at -c cur -p prev
    fi
    local _patchbayctl_control= words=() word i
    COMPREPLY=()
    for ((i = 1; i < at; i++)); do
        word=${typed[i]}
        case $word in
            --control) _patchbayctl_control=${typed[++i]} ;;
            --control=*) _patchbayctl_control=${word#*=} ;;
            --timeout) ((++i)) ;;
            -*) ;;
            *) words+=("$word") ;;
        esac
    done

    case $prev in
        --control) mapfile -t COMPREPLY < <(compgen -W "unix:" -- "$cur"); return ;;
        --timeout) return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W \
            "--control --json --string --timeout --quiet --help --version" -- "$cur")
        return
    fi

    case "${#words[@]} ${words[*]}" in
        "0 ")
            mapfile -t COMPREPLY < <(compgen -W "status config check diff reload history rollback \
                restart modules schema import-unit" -- "$cur") ;;
        "1 config")
            mapfile -t COMPREPLY < <(compgen -W "get set append delete edit" -- "$cur") ;;
        "1 history")
            mapfile -t COMPREPLY < <(compgen -W "show" -- "$cur") ;;
        "1 check" | "1 diff")
            mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        "1 import-unit")
            mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
        "1 restart")
            mapfile -t COMPREPLY < <(compgen -W "$(_patchbayctl_applications)" -- "$cur") ;;
        "1 rollback" | "2 history show")
            mapfile -t COMPREPLY < <(compgen -W "$(_patchbayctl_versions)" -- "$cur") ;;
        "2 config "*)
            mapfile -t COMPREPLY < <(compgen -W "/listeners/ /applications/ /settings/" \
                -- "$cur") ;;
        "3 config set "* | "3 config append "*)
            # Where bash breaks words at @ as well, its own completion of files does it.
            if [[ $cur == @* ]]; then
                mapfile -t COMPREPLY < <(compgen -P @ -f -- "${cur#@}")
            fi ;;
    esac
}

complete -o default -F _patchbayctl patchbayctl

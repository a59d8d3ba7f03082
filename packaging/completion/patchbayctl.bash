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
    _patchbayctl_ask config get /applications | sed -n 's/^\t"\(.*\)": .*/\1/p'
}

# Numbers of the versions that are kept.
_patchbayctl_versions() {
    _patchbayctl_ask history | sed -n 's/^ *\([0-9][0-9]*\) .*/\1/p'
}

_patchbayctl() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local _patchbayctl_control= words=() word i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            --control) _patchbayctl_control=${COMP_WORDS[++i]} ;;
            --timeout) ((++i)) ;;
            -*) ;;
            *) words+=("$word") ;;
        esac
    done

    case $previous in
        --control) mapfile -t COMPREPLY < <(compgen -W "unix:" -- "$current"); return ;;
        --timeout) return ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W \
            "--control --json --string --timeout --quiet --help --version" -- "$current")
        return
    fi

    case "${#words[@]} ${words[*]}" in
        "0 ")
            mapfile -t COMPREPLY < <(compgen -W "status config check diff reload history rollback \
                restart modules schema import-unit" -- "$current") ;;
        "1 config")
            mapfile -t COMPREPLY < <(compgen -W "get set append delete edit" -- "$current") ;;
        "1 history")
            mapfile -t COMPREPLY < <(compgen -W "show" -- "$current") ;;
        "1 check" | "1 diff")
            mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        "1 import-unit")
            mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
        "1 restart")
            mapfile -t COMPREPLY < <(compgen -W "$(_patchbayctl_applications)" -- "$current") ;;
        "1 rollback" | "2 history show")
            mapfile -t COMPREPLY < <(compgen -W "$(_patchbayctl_versions)" -- "$current") ;;
        "2 config "*)
            mapfile -t COMPREPLY < <(compgen -W "/listeners/ /applications/ /settings/" \
                -- "$current") ;;
        "3 config set "* | "3 config append "*)
            if [[ $current == @* ]]; then
                mapfile -t COMPREPLY < <(compgen -P @ -f -- "${current#@}")
            fi ;;
    esac
}

complete -o default -F _patchbayctl patchbayctl

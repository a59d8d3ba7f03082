# bash completion for patchbay-module(1): commands, kinds, options, files.

_patchbay_module() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "new check --help --version" -- "$cur")
        return
    fi
    case ${COMP_WORDS[1]} in
        new)
            case $COMP_CWORD in
                2) mapfile -t COMPREPLY < <(compgen -W "listener sink encoder runtime language" \
                    -- "$cur") ;;
                4) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
            esac ;;
        check)
            case $prev in
                --options | --address) return ;;
            esac
            if [[ $cur == -* && $prev != --encoder ]]; then
                mapfile -t COMPREPLY < <(compgen -W "--options --encoder --address --json" -- "$cur")
            else
                mapfile -t COMPREPLY < <(compgen -f -X '!*.so' -- "$cur"; compgen -d -- "$cur")
            fi ;;
    esac
}

complete -o filenames -F _patchbay_module patchbay-module

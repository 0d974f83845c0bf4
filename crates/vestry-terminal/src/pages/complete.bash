# Completes what is typed for BIN. `BIN completions bash` made it: make it again with each new version.
_complete_NAME() {
    # Bash cuts words at characters such as ':' and '=', which addresses and options have: what no blank parts is one word.
    local rest="$COMP_LINE" words=() at=-1 index=0 start=0 i word
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word="${COMP_WORDS[i]}"
        if [[ $i -gt 0 && -n "$word" && "$rest" != [[:space:]]* ]]; then
            words[at]+="$word"
        else
            rest="${rest#"${rest%%[![:space:]]*}"}"
            at=$((at + 1))
            words[at]="$word"
            [[ $i -le $COMP_CWORD ]] && start=$((${#COMP_LINE} - ${#rest}))
        fi
        rest="${rest#"$word"}"
        [[ $i -eq $COMP_CWORD ]] && index=$at
    done
    # What stands before the cursor, without the quotation mark that it begins with.
    local current="${COMP_LINE:start:COMP_POINT-start}" quote=""
    [[ "${words[index]}" == "" ]] && current=""
    case "$current" in [\"\']*) quote="${current:0:1}" current="${current:1}" ;; esac
    words[index]="$current"
    # What bash keeps of it.
    local kept="${current%"$2"}"
    [[ "$kept$2" == "$current" ]] || kept=""
    COMPREPLY=()
    while IFS= read -r word; do
        word="${word#"$kept"}"
        # Names of files are anybody's: what a shell would read as more than a word is quoted, and left out within quotes.
        if [[ "$word" == *[!A-Za-z0-9_.,:=/@%+-]* ]]; then
            [[ -n "$quote" && "$word" == *[\"\'\\\$\`\!]* ]] && continue
            [[ -z "$quote" ]] && printf -v word %q "$word"
        fi
        COMPREPLY+=("$word")
    done < <(VAR=bash VAR_INDEX="$index" "COMPLETER" -- "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" == *[=/:,] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -F _complete_NAME BIN

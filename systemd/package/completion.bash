# Completion of alleycat-gateway for bash; systemd/package/completion.py fills in the commands.

# Sets verbs, flags, valued (option:kind) and arguments (kinds) of a command.
_alleycat_gateway_command() {
    case $1 in
@CASES@
    esac
}

# Prints the ids of the bikes in a config. Most users cannot read that of the service; the running
# gateway then names its bikes.
_alleycat_gateway_bikes() {
    if [[ -e $1 && -r $1 ]]; then
        sed -nE '/^\[\[bikes\]\]/,$ s/^[[:space:]]*id[[:space:]]*=[[:space:]]*["'\'']([^"'\'']*)["'\''].*/\1/p' "$1"
    else
        /usr/bin/python3 -ISc 'import json, socket
asking = socket.socket(socket.AF_UNIX)
asking.settimeout(1)
asking.connect("/run/alleycat-gateway/status.sock")
for bike in json.loads(asking.makefile().readline())["gateway"]["bikes"]:
    print(bike["bike_id"])' 2>/dev/null
    fi
}

# Completes $2 as a value of kind $1; $3 is the config.
_alleycat_gateway_value() {
    case $1 in
    '' | none) ;;
    file)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
        ;;
    bike) mapfile -t COMPREPLY < <(compgen -W "$(_alleycat_gateway_bikes "$3")" -- "$2") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "${1//,/ }" -- "$2") ;;
    esac
}

_alleycat_gateway() {
    local current=${COMP_WORDS[COMP_CWORD]} command='' option='' position=0 i word kind
    local config=/etc/alleycat-gateway/gateway.toml verbs flags valued arguments kinds
    COMPREPLY=()
    _alleycat_gateway_command ''
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == '=' ]]; then
            continue # readline splits --option=value at the sign
        elif [[ -n $option ]]; then
            [[ $option == --config ]] && config=$word
            option=
        elif [[ $word == -* ]]; then
            [[ " $valued" == *" $word:"* ]] && option=$word
        elif [[ " $verbs " == *" $word "* && $position == 0 ]]; then
            command="${command:+$command }$word"
            _alleycat_gateway_command "$command"
        else
            position=$((position + 1))
        fi
    done
    [[ $current == '=' ]] && current=
    if [[ -n $option ]]; then
        kind=" $valued "
        kind=${kind#*" $option:"}
        _alleycat_gateway_value "${kind%% *}" "$current" "$config"
        return
    fi
    if [[ $current == -* ]]; then
        for word in $valued; do
            flags+=" ${word%%:*}"
        done
        mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current")
        return
    fi
    read -ra kinds <<<"$arguments"
    _alleycat_gateway_value "${kinds[position]}" "$current" "$config"
    if [[ $position == 0 && -n $verbs ]]; then
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$verbs" -- "$current")
    fi
}

complete -F _alleycat_gateway alleycat-gateway

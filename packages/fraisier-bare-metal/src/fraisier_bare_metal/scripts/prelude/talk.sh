# What a script tells its client.

tell() { printf '\n%s %s\n' "$mark" "$*"; }
step() { tell step "$1"; }
data() { tell data "$1" "$2"; }

take() { # NAME COMMAND...: let every line that the command prints be data
  tell take "$1" && shift
  "$@" 2>&1
  tell taken
}

fail() { # PROBLEM [HINT [COMMAND]]
  data problem "$1"
  [ -z "${2-}" ] || data hint "$2"
  [ -z "${3-}" ] || data command "$3"
  exit 1
}

was_late() { # EXIT-CODE SECONDS: whether `timeout` has ended what began at `begun`; what it has to kill, or cannot, is 137
  [ "$1" != 124 ] || return 0
  [ "$1" = 137 ] && read -r now _ </proc/uptime && [ "$((${now%.*} - ${begun%.*}))" -ge "${2%.*}" ]
}

become_line() { # SECONDS MORE: what `fraisier_line` says; it may hold a secret, and everybody may read a command line
  export fraisier_line
  exec timeout -k "$2" "$1" /bin/sh -c 'eval "unset fraisier_line; $fraisier_line"'
}

on_host() { # WORD...: the hint to run a command there, each word quoted where it has to be
  printf 'on the host, as %s:' "$(id -un)"
  for word; do
    case "$word" in
      ';') printf ';' ;;
      '' | *[!A-Za-z0-9_./:=@%+,-]*) printf " '%s'" "$(printf %s "$word" | sed "s/'/'\\\\''/g")" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
}

each_line() { # TEXT FUNCTION: call the function with each line that is not empty
  lines="$1$newline"
  while [ -n "$lines" ]; do
    line=${lines%%"$newline"*}
    lines=${lines#*"$newline"}
    [ -z "$line" ] || "$2" "$line"
  done
}

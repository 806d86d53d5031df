# What every script begins with. The variables that it uses are set above it, quoted.
umask 022
export GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND="${GIT_SSH_COMMAND:-ssh -o BatchMode=yes}" LANGUAGE=C LC_ALL=C.UTF-8
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
state="$app_path/.fraisier"
newline='
'

tell() { printf '\n%s %s\n' "$mark" "$*"; }
step() { tell step "$1"; }
data() { tell data "$1" "$2"; }

fail() { # PROBLEM [HINT [COMMAND]]
  data problem "$1"
  [ -z "${2-}" ] || data hint "$2"
  [ -z "${3-}" ] || data command "$3"
  exit 1
}

each_line() { # TEXT FUNCTION: call the function with each line that is not empty
  lines="$1$newline"
  while [ -n "$lines" ]; do
    line=${lines%%"$newline"*}
    lines=${lines#*"$newline"}
    [ -z "$line" ] || "$2" "$line"
  done
}

# No hooks, no work that outlives the command, and nothing that a repository could make git run.
git() { command git -c core.hooksPath=/dev/null -c gc.autoDetach=false -c maintenance.autoDetach=false "$@"; }

systemctl_show() { # what systemd knows of the unit, and since when by the clock that no one sets
  $show show "$unit" -p LoadState,ActiveState,SubState,Result,ExecMainStatus,MainPID,NRestarts,InvocationID \
    -p MemoryCurrent,ActiveEnterTimestamp,ActiveEnterTimestampMonotonic 2>&1 | while IFS= read -r fact; do
    data unit "$fact"
  done
  read -r uptime _ </proc/uptime && data uptime "$uptime"
}

journal() { # the last lines of the unit's log, for an error
  $journalctl -u "$unit" -n 50 --no-pager -o cat 2>&1 | while IFS= read -r entry; do data log "$entry"; done
}

in_service() { # the id of the release that the folder is at
  if [ "$layout" = releases ]; then
    readlink "$app_path/current" 2>/dev/null | sed 's,.*/,,'
  else
    cat "$state/current" 2>/dev/null
  fi
}

recorded() { # ID: the revision that the ledger has for a release
  sed -n 's/.*"event":"started".*"id":"'"$1"'".*"revision":"\([0-9a-f]*\)".*/\1/p' "$state/ledger.jsonl" 2>/dev/null | tail -n 1
}

enter() { # EVENT-LINE: add it to the ledger and see it on the disk; a line that a crash cut short stays alone
  if [ -s "$state/ledger.jsonl" ] && [ -n "$(tail -c 1 "$state/ledger.jsonl")" ]; then
    echo >>"$state/ledger.jsonl"
  fi
  printf '%s\n' "$1" >>"$state/ledger.jsonl" && sync "$state/ledger.jsonl" 2>/dev/null || :
}

put() { # ID: let the folder and the environment be those of a release
  if [ "$layout" = releases ]; then
    rm -f "$app_path/current.tmp" && ln -s "releases/$1" "$app_path/current.tmp" &&
      mv -T "$app_path/current.tmp" "$app_path/current" || return
  else
    git -C "$app_path" checkout --quiet --force --detach "$(recorded "$1")" -- && printf '%s\n' "$1" >"$state/current.tmp" &&
      mv "$state/current.tmp" "$state/current" || return
  fi
  rm -f "$state/environment.tmp" && ln -s "environments/$1" "$state/environment.tmp" &&
    mv -T "$state/environment.tmp" "$state/environment"
}

# The one command of an SSH session: takes orders, one on a line, and runs them until the client is gone. The words of an
# order are parted by tabs; in them a backslash, a tab and a new line are escaped as printf %b has it.
#
#   lock ID FILE HOLDER SECONDS
#                           take the host's lock, or say who has it: nothing that is ordered after it, without waiting
#                           for the answer, is done without the lock; so long wait for what has the same holder
#   run ID SCRIPT [UNDO]    run a script; it is ended when the client goes away; where it is, or fails with nobody there
#                           to hear of it, run the other one
#   stop ID                 end a script that takes too long
#   note ID FILE LINE       add a line to a file, without an answer
#   alive                   the client is still there
#   bye                     the client has heard all that it wanted
#
# Answers begin with the mark, which no other output can hold. Whoever deploys holds the lock by file descriptor 9
# of this process: it is free the moment that this process ends.

PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export PATH
umask 022
worker= undo= leave=

say() { printf "\n%s %s\n" "$mark" "$*"; }
# What came before is of the shell that started us.
say hello

# NAME WORD: let a variable be the word of an order as it was meant.
plain() {
  eval "$1=\$2"
  case "$2" in *\\*) eval "$1=\$(printf %b \"\$2\")" ;; esac
}

# A session of its own, so that all that a script has started can be told to end. What every script begins with came
# with the agent, once, and is handed on in the environment.
work() {
  printf %b "$2" 9>&- | fraisier_prelude=$prelude setsid sh -c '
    trap : TERM
    sh -s
    code=$?
    printf "\n%s end %s %s\n" "$0" "$1" "$code"
    exit "$code"' "$mark" "$1" 9>&- 2>&1 &
  worker=$!
}

# PROCESS: whether it is our child and has not ended, and so its number is nobody else's.
is_child() {
  { read -r about <"/proc/$1/stat"; } 2>/dev/null || return 1
  # After the name, which may hold anything: state, parent, group, session.
  set -- ${about##*") "}
  [ "$2" = "$$" ] && [ "$1" != Z ]
}

at_work() { [ -n "$worker" ] && is_child "$worker"; }

# What the worker has started, also what has made a group of its own, as `timeout` does. By awk, since a shell reads a
# file byte by byte, and there may be thousands.
session() {
  cat /proc/[0-9]*/stat 2>/dev/null |
    awk -v leader="$worker" '{ pid = $1; sub(/.*\) /, "") } $4 == leader && $1 != "Z" { print pid }'
}

signal_worker() { # SIGNAL; it may have no session yet
  ! at_work || kill -s "$1" "$worker"
  kill -s "$1" $(session)
} 2>/dev/null

in_reach() { # whether anything is left that we may end; what sudo has begun may be root's, and ends by itself
  for each in $(session); do ! kill -0 "$each" || return 0; done
  return 1
} 2>/dev/null

end_worker() { # with all that it has started; a signal that comes while it begins may be lost, but KILL is not
  signal_worker TERM
  tries=100
  while { at_work || in_reach; } && [ "$tries" -gt 0 ]; do
    [ "$tries" -gt 97 ] || signal_worker KILL
    tries=$((tries - 1))
    sleep 0.1
  done
  wait "$worker" 2>/dev/null
  set -- "$?"
  worker=
  return "$1"
}

# What else was ordered is heard and not done: an end in the middle of it could cost the client this answer.
refuse() {
  say end "$1" "$2"
  exec cat >/dev/null
}

lock() {
  plain file "$2"
  plain ours "$3"
  # With `command`, since dash ends at an `exec` that fails.
  { [ -d "${file%/*}" ] || mkdir -p "${file%/*}"; } && { command exec 9>>"$file"; } 2>/dev/null || refuse "$1" 77
  tries=$(($4 * 5))
  until flock -n 9; do
    theirs=$(cat "$file.holder" 2>/dev/null)
    # What a cut connection of this very deployment left behind is on its way out. What another one did that was
    # killed is gone within a second.
    [ "$theirs" = "$ours" ] || [ "$tries" -le 5 ] || tries=5
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then
      exec 9>&-
      say data holder "$theirs"
      refuse "$1" 75
    fi
    sleep 0.2
  done
  printf "%s\n" "$ours" >"$file.holder"
  watch_client
  say end "$1" 0
}

# A client that vanished without a word (its machine lost power) does not keep the lock for ever. This does not go by the
# clock, which may be set meanwhile, nor by a file, for which there may be no space.
watch_client() {
  # A signal may come before it is listened to.
  trap "" USR1
  (
    exec 9>&- >/dev/null 2>&1
    trap in_vain=0 USR1
    in_vain=0
    while sleep "$watch" && is_child self; do
      in_vain=$((in_vain + 1))
      [ "$in_vain" -le 3 ] || kill -s TERM $$
    done
  ) &
  watcher=$!
  trap - USR1
}

unwatch() {
  [ -z "$watcher" ] || kill "$watcher"
  watcher=
} 2>/dev/null

note() { # a line that was cut short stays alone
  [ -z "$(tail -c 1 "$to" 2>/dev/null)" ] || echo >>"$to"
  printf "%s\n" "$line" >>"$to"
}

watcher=
trap "exit 1" TERM HUP INT
trap finish_all EXIT

take_back() { # once; what that leaves to systemd does not hold the lock, and nobody is listened to meanwhile
  unwatch
  [ -z "$undo" ] || printf %b "$undo" | fraisier_prelude=$prelude setsid sh -s 9>&- >/dev/null 2>&1
  undo=
}

stop() { # ID
  end_worker && undo= && return
  code=$?
  watched=$watcher
  take_back
  [ -z "$watched" ] || watch_client
  say end "$1" "$code"
}

finish_all() {
  trap "" TERM HUP INT
  # A signal may come between its beginning and its name.
  worker=${worker:-$!}
  if at_work; then
    end_worker || [ -n "$leave" ] || take_back
  elif [ -n "$worker" ]; then
    wait "$worker" || [ -n "$leave" ] || take_back
  fi
  unwatch
} >/dev/null 2>&1

obey() {
  case "$1" in
    lock) lock "$2" "$3" "$4" "$5" ;;
    run) undo="$4" && work "$2" "$3" ;;
    stop) ! at_work || stop "$2" ;;
    note) plain to "$3" && plain line "$4" && note ;;
    alive) [ -z "$watcher" ] || kill -s USR1 "$watcher" 2>/dev/null ;;
    bye) leave=bye ;;
  esac
}

# What comes with the command is there a round trip before anything else is: sshd hears nothing until it has begun.
eval "$first"
tab=$(printf "\t")
while [ -z "$leave" ] && IFS=$tab read -r verb id one two three; do obey "$verb" "$id" "$one" "$two" "$three"; done

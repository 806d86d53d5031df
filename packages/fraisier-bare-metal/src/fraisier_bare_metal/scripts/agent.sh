# The one command of an SSH session: takes orders, one on a line, and runs them until the client is gone. The words of an
# order are parted by tabs; in them a backslash, a tab and a new line are escaped as printf %b has it.
#
#   lock ID FILE HOLDER     take the host's lock, or say who has it: nothing that is ordered after it, without waiting
#                           for the answer, is done without the lock
#   run ID SCRIPT           run a script; it is ended when the client goes away
#   finish ID SCRIPT UNDO   run a script to its end whatever the client does; if it fails with nobody there to
#                           hear of it, run the other one
#   stop ID                 end a script that takes too long
#   alive                   the client is still there
#   bye                     the client has heard all that it wanted
#
# Answers begin with the mark, which no other output can hold. Whoever deploys holds the lock by file descriptor 9
# of this process: it is free the moment that this process ends.

PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export PATH
worker= undo= leave=

say() { printf "\n%s %s\n" "$mark" "$*"; }

# A session of its own, so that one signal reaches all that a script has started. What every script begins with came
# with the agent, once, and is handed on in the environment.
work() {
  (
    exec 9>&-
    printf %b "$2" | fraisier_prelude=$prelude setsid sh -s 2>&1 &
    leader=$!
    trap "kill -s TERM -- -$leader; sleep 0.3; kill -s KILL -- -$leader" TERM
    wait "$leader"
    code=$?
    trap "" TERM
    say end "$1" "$code"
    exit "$code"
  ) 2>/dev/null &
  worker=$!
}

# What else was ordered is heard and not done: an end in the middle of it could cost the client this answer.
refuse() {
  say end "$1" "$2"
  exec cat >/dev/null
}

lock() {
  file=$2 ours=$3
  case "$2$3" in *\\*) file=$(printf %b "$2") ours=$(printf %b "$3") ;; esac
  # With `command`, since dash ends at an `exec` that fails.
  { [ -d "${file%/*}" ] || mkdir -p "${file%/*}"; } && { command exec 9>>"$file"; } 2>/dev/null || refuse "$1" 77
  tries=50
  until flock -n 9; do
    theirs=$(cat "$file.holder" 2>/dev/null)
    # What a cut connection of this very deployment left behind is on its way out.
    case "$theirs" in *"${ours##* }"*) tries=$((tries - 1)) ;; *) tries=0 ;; esac
    if [ "$tries" -le 0 ]; then
      exec 9>&-
      say data holder "$theirs"
      refuse "$1" 75
    fi
    sleep 0.2
  done
  printf "%s\n" "$ours" >"$file.holder"
  beat="$file.alive"
  : >"$beat"
  # A client that vanished without a word (its machine lost power) does not keep the lock for ever.
  ( exec 9>&- >/dev/null 2>&1; while sleep 20 && kill -0 $$; do [ -z "$(find "$beat" -mmin +1)" ] || kill -s TERM $$; done ) &
  watcher=$!
  say end "$1" 0
}

beat=/dev/null watcher=
trap "exit 1" TERM HUP INT
trap finish_all EXIT

finish_all() {
  trap "" TERM HUP INT
  if [ -n "$worker" ]; then
    [ -n "$undo" ] || kill -s TERM "$worker"
    wait "$worker" || { [ -z "$leave" ] && [ -n "$undo" ] && printf %b "$undo" | fraisier_prelude=$prelude sh -s; }
  fi
  [ -z "$watcher" ] || kill "$watcher"
} >/dev/null 2>&1

obey() {
  case "$1" in
    lock) lock "$2" "$3" "$4" ;;
    run) undo= && work "$2" "$3" ;;
    finish) undo="$4" && work "$2" "$3" ;;
    stop) kill -s TERM "$worker" ;;
    alive) : >"$beat" ;;
    bye) leave=bye ;;
  esac
}

# What comes with the command is there a round trip before anything else is: sshd hears nothing until it has begun.
eval "$first"
tab=$(printf "\t")
while [ -z "$leave" ] && IFS=$tab read -r verb id one two; do obey "$verb" "$id" "$one" "$two"; done

# What every script begins with. The variables that it uses are set before it, quoted.
unset fraisier_prelude
umask 022
export GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0 LANGUAGE=C LC_ALL=C.UTF-8
# Nobody is there to type a passphrase.
: "${GIT_SSH_COMMAND:=ssh -o BatchMode=yes}"
export GIT_SSH_COMMAND
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
state="$app_path/.fraisier"
ledger="$state/ledger.jsonl"
# What was begun and not ended, by a crash perhaps, may have left a line of the ledger that is cut short.
torn=
[ ! -e "$state/back" ] || torn=maybe
newline='
'

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
  take unit $show show "$unit" -p LoadState,ActiveState,SubState,Result,ExecMainStatus,MainPID,NRestarts \
    -p MemoryCurrent,ActiveEnterTimestampMonotonic
  read -r uptime _ </proc/uptime && data uptime "$uptime"
}

journal() { # the last lines of the unit's log, for an error
  take log $journalctl -u "$unit" -n 50 --no-pager -o cat
}

find_present() { # the id of the release that the folder is at, or nothing
  present=
  if [ "$layout" != releases ]; then
    [ ! -f "$state/current" ] || read -r present <"$state/current"
  elif [ -n "$seen" ] && [ "$app_path/current" -ef "$app_path/releases/$seen" ]; then
    # A look by the shell itself, which takes no process.
    present=$seen
  else
    present=$(readlink "$app_path/current") && present=${present##*/}
  fi
} 2>/dev/null

tell_release() { # what is in service, as the folder and the ledger tell
  find_present
  data id "$present"
  [ ! -f "$ledger" ] || take ledger tail -n 400 "$ledger"
}

look() { # what is in service, as systemd tells too
  tell_release
  systemctl_show
}

make_mirror() { # so that it can be fetched into
  [ -d "$state" ] || mkdir -p "$state" || fail "$app_path cannot be written to" "see: ls -ld $app_path"
  if [ "$layout" = in_place ]; then
    [ -d "$app_path/.git" ] || [ -z "$(ls -A "$app_path" | grep -vx .fraisier)" ] ||
      fail "$app_path is no git tree and not empty" "move what is there, or set another app_path"
    git -C "$app_path" init --quiet || fail "git init failed in $app_path"
    grep -qx /.fraisier/ "$mirror/info/exclude" 2>/dev/null ||
      { mkdir -p "$mirror/info" && echo /.fraisier/ >>"$mirror/info/exclude"; }
  elif [ ! -f "$mirror/FETCH_HEAD" ]; then
    git init --quiet --bare --template= -- "$mirror" || fail "git init failed in $mirror"
  fi
}

refuse_changes() { # in a working tree that belongs to git
  [ "$layout" = in_place ] && [ -d "$app_path/.git" ] || return 0
  changed=$(git -C "$app_path" status --porcelain --untracked-files=no)
  [ -z "$changed" ] || fail "there are local changes in $app_path: $(printf %s "$changed" | head -n 3 | tr '\n' ',')" \
    "look at them: git -C $app_path status"
}

refuse_losses() { # of files in the working tree that do not belong to git, and do in the new release
  [ "$layout" = in_place ] || return 0
  git -C "$app_path" update-index -q --refresh >/dev/null
  now=$(git -C "$app_path" rev-parse --quiet --verify HEAD) || now=$(git hash-object -t tree /dev/null)
  said=$(git -C "$app_path" read-tree --dry-run -m -u "$now" "$revision" 2>&1) ||
    fail "files in $app_path are in the way: $(printf %s "$said" | head -n 1)" "move them away"
}

ask_repository() { # SECONDS ARGUMENT...: run git, which learns the name and the token for the repository on no command line
  limit=$1 && shift
  if [ -z "$git_user$git_token" ]; then
    timeout "$limit" git "$@"
  else
    git_user=$git_user git_token=$git_token timeout "$limit" \
      git -c credential.helper='!f() { printf "username=%s\npassword=%s\n" "$git_user" "$git_token"; }; f' "$@"
  fi
}

fetch() { # REFSPEC...
  ask_repository "$fetch_timeout" --git-dir="$mirror" fetch --prune --no-tags --no-recurse-submodules --update-head-ok \
    --no-auto-gc -- "$git_repo" "$@" && pack
}

pack() { # what has come in, when there is much of it: git itself would look with two processes after every fetch
  set -- "$mirror"/objects/17/* "$mirror"/objects/pack/*.pack
  # What was fetched is good without it, and git says what is wrong.
  [ "$#" -lt 25 ] ||
    timeout "$fetch_timeout" git -c core.hooksPath=/dev/null -c gc.autoDetach=false --git-dir="$mirror" gc --auto --quiet || :
}

fetch_all() {
  set -- '+refs/heads/*:refs/remotes/fraisier/*' '+refs/tags/*:refs/tags/*'
  fetch "$@" && return
  code=$?
  unlock_mirror || return "$code"
  fetch "$@"
}

fail_to_fetch() { # EXIT-CODE
  how="git cannot fetch from $shown_repo"
  [ "$1" != 124 ] || how="no answer from $shown_repo within $fetch_timeout s"
  fail "$how" "see what is lacking: $provider_test" "git fetch $shown_repo"
}

unlock_mirror() { # of what a killed git left behind, which keeps the next one out; whether there was any
  left=$(find "$mirror" -path "$mirror/objects" -prune -o -name '*.lock' -mmin +20 -print -exec rm -f {} + 2>/dev/null)
  [ -n "$left" ]
}

recorded() { # ID: the revision that the ledger has for a release
  # The last one counts.
  sed -n -e 's/.*"event":"started".*"id":"'"$1"'".*"revision":"\([0-9a-f]*\)".*/\1/' -e 't found' \
    -e '$!d' -e g -e p -e d -e ':found' -e h -e '$p' "$ledger" 2>/dev/null
}

enter() { # EVENT-LINE: add it to the ledger and see it on the disk; a line that a crash cut short stays alone
  [ -z "$torn" ] || [ -z "$(tail -c 1 "$ledger" 2>/dev/null)" ] || echo >>"$ledger"
  torn=maybe
  printf '%s\n' "$1" >>"$ledger" && torn= && sync "$ledger" 2>/dev/null || :
}

put() { # ID: let the folder and the environment be those of a release
  if [ "$layout" = releases ]; then
    ln -sfn "releases/$1" "$app_path/current.tmp" &&
      mv -T "$app_path/current.tmp" "$app_path/current" || return
  else
    git -C "$app_path" checkout --quiet --force --detach "$(recorded "$1")" -- && printf '%s\n' "$1" >"$state/current.tmp" &&
      mv "$state/current.tmp" "$state/current" || return
  fi
  ln -sfn "environments/$1" "$state/environment.tmp" &&
    mv -T "$state/environment.tmp" "$state/environment"
}

restart_unit() { # by the verb that the options name; what failed before does not count against systemd's limit
  verb=$restart
  # Only what runs can be reloaded, and what is gone back from may be anything.
  [ "$verb" != reload ] || { [ -z "$again" ] && $show is-active --quiet "$unit"; } || verb=restart
  [ -z "$again" ] || $systemctl reset-failed "$unit" >/dev/null 2>&1
  read -r begun _ </proc/uptime
  change_unit && return
  code=$?
  was_refused "${begun%.*}${begun#*.}" && $systemctl reset-failed "$unit" || return "$code"
  change_unit
}

was_refused() { # SINCE: whether systemd has not even tried to start the unit since then, in hundredths of seconds
  ! $show is-active --quiet "$unit" && tried=$($show show "$unit" -p InactiveExitTimestampMonotonic --value) &&
    [ "${tried%????}" -lt "$1" ]
}

change_unit() { timeout -k 5 "$restart_timeout" $systemctl "$verb" "$unit"; }

build_line() { # FOLDER LINE: run a build command there; the environment may have names that we have too
  (cd "$1" && set -- "$2" "$build_timeout" "$version" "$revision" && eval "$exports" &&
    FRAISIER_VERSION=$3 FRAISIER_REVISION=$4 && export FRAISIER_VERSION FRAISIER_REVISION &&
    exec timeout -k 5 "$2" /bin/sh -c "$1") </dev/null
}

# The mirror, and the repository that it is fetched from.

# No hooks, no work that outlives the command, and nothing that a repository could make git run.
git_settings='-c core.hooksPath=/dev/null -c gc.autoDetach=false -c maintenance.autoDetach=false'
# Files of Git LFS are not fetched, also where the host's own settings want them.
git() { GIT_LFS_SKIP_SMUDGE=1 command git $git_settings "$@"; }

git_within() { # SECONDS ARGUMENT...: a deadline passes a function by
  limit=$1 && shift
  GIT_LFS_SKIP_SMUDGE=1 timeout "$limit" git $git_settings "$@"
}

make_mirror() { # so that it can be fetched into
  [ -d "$state" ] || mkdir -p "$state" || fail "$app_path cannot be written to" "$(on_host ls -ld "$app_path")"
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

choose_ssh() { # what the configuration of git says, else one that knows that nobody is there to type a password
  if [ -d "$mirror" ]; then set -- --git-dir="$mirror"; else set --; fi
  : "${GIT_SSH_COMMAND:=$(git "$@" config core.sshCommand || echo ssh -o BatchMode=yes)}"
  export GIT_SSH_COMMAND
}

ask_repository() { # SECONDS ARGUMENT...: run git, which learns the name and the token for the repository on no command line
  if [ -z "$git_user$git_token" ]; then
    choose_ssh
    git_within "$@"
  else
    # Nobody else is asked, nor told: no helper that keeps what it hears, and no server that another one leads to.
    answer='!f() { printf "username=%s\npassword=%s\n" "$git_user" "$git_token"; }; f'
    seconds=$1 && shift
    (export git_user git_token &&
      git_within "$seconds" -c credential.helper= -c "credential.$git_server.helper=$answer" "$@")
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
    git_within "$fetch_timeout" --git-dir="$mirror" gc --auto --quiet || :
}

fetch_all() {
  set -- '+refs/heads/*:refs/remotes/fraisier/*' "+refs/tags/*:$tags/*"
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
  # Whoever works in a tree may be at it right now.
  if [ "$layout" = releases ]; then set --; else set -- -mmin +20; fi
  left=$(find "$mirror" -path "$mirror/objects" -prune -o -name '*.lock' "$@" -print -exec rm -f {} + 2>/dev/null)
  [ -n "$left" ]
}

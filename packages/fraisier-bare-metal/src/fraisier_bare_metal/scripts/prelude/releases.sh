# The releases of an app_path, and which of them is in service.

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

find_unmoved() { # the same, if it is still what was seen before the lock was ours, and somebody else might change it
  find_present
  [ -z "$seen" ] || [ "$present" = "$seen" ] || {
    data moved yes
    fail "another deployment has ended meanwhile" "look what it has put in service, and try again"
  }
}

tell_release() { # what is in service, as the folder and the ledger tell
  find_present
  data id "$present"
  # Whoever works in the tree may have checked out something else.
  [ "$layout" = releases ] || data head "$(git -C "$app_path" rev-parse --verify --quiet HEAD)"
  [ ! -f "$ledger" ] || take ledger tail -n 400 "$ledger"
}

look() { # what is in service, as systemd tells too
  tell_release
  systemctl_show
}

settle() { # what was written: after a power cut, files that have their names may be empty
  # On the way back, what works comes first. The deadline is that of the whole script.
  [ -n "$rolling_back" ] || sync -f "$app_path" 2>/dev/null || :
}

put() { # ID: let the folder and the environment be those of a release
  if [ "$layout" = releases ]; then
    ln -sfn "releases/$1" "$app_path/current.tmp" &&
      mv -T "$app_path/current.tmp" "$app_path/current" || return
  else
    # On the way back, the ledger may not have it.
    commit=$revision
    [ "$1" = "$id" ] || commit=$(recorded "$1")
    git -C "$app_path" checkout --quiet --force --detach "$commit" -- && printf '%s\n' "$1" >"$state/current.tmp" &&
      mv "$state/current.tmp" "$state/current" || return
  fi
  ln -sfn "environments/$1" "$state/environment.tmp" &&
    mv -T "$state/environment.tmp" "$state/environment"
}

remove_release() { # ID: what cannot be removed at least has another name, under which it is no release
  gone="$app_path/releases/$1"
  rm -rf "$gone" 2>/dev/null || { chmod -R u+w "$gone" && rm -rf "$gone"; } 2>/dev/null ||
    { mv "$gone" "$app_path/releases/.left-of-$1" && printf 'what is left of release %s cannot be removed\n' "$1"; }
}

fail_to_build() { # EXIT-CODE LINE HINT
  ! was_late "$1" "$build_timeout" || fail "a build command took longer than $build_timeout s: $2" "set deadlines.build; or $3" "$2"
  fail "a build command ended with exit code $1: $2" "$3" "$2"
}

build_line() { # FOLDER LINE: run a build command there; the environment may have names that we have too
  read -r begun _ </proc/uptime
  (cd "$1" && set -- "$2" "$build_timeout" "$version" "$revision" && eval "$exports" &&
    FRAISIER_VERSION=$3 FRAISIER_REVISION=$4 && export FRAISIER_VERSION FRAISIER_REVISION &&
    fraisier_line=$1 && become_line "$2" 5) </dev/null
}

# Makes a release and builds it, beside the one in service, which is not touched.
# Takes: id version revision rolling_back shared build build_timeout exports environment fetch_timeout
# Takes: git_repo shown_repo git_server git_user git_token provider_test
release="$app_path/releases/$id"
own_environment="$state/environments/$id"

told() { # the environment, as systemd reads it
  printf %s "$environment"
  escaped=$version
  case "$version" in *[\"\\\`\$]*) escaped=$(printf %s "$version" | sed 's/["\\`$]/\\&/g') ;; esac
  printf 'FRAISIER_VERSION="%s"\n' "$escaped"
  printf 'FRAISIER_REVISION="%s"\n' "$revision"
}
written=
write_environment() { # which nobody else may read; what is gone back to has its own, as a rule
  [ -z "$rolling_back" ] || [ ! -f "$own_environment" ] || return 0
  written=yes
  { { [ ! -e "$own_environment" ] && [ ! -L "$own_environment" ]; } || rm -f "$own_environment"; } &&
    { [ -d "$state/environments" ] || mkdir -p "$state/environments"; } &&
    umask 077 && told >"$own_environment" && umask 022 ||
    fail "$state cannot be written to" "$(on_host df -h "$app_path" ';' ls -ld "$app_path")"
}

clean_up() { # what a killed run left behind: its release is none
  left=
  [ ! -s "$state/making" ] || read -r left <"$state/making"
  left=${left##*/}
  [ -z "$left" ] || [ "$app_path/current" -ef "$app_path/releases/$left" ] || remove_release "$left"
}

# The commit stays in the mirror, whatever happens to its branch; git refers to none that is not there.
keep_commit() { git --git-dir="$mirror" update-ref "refs/fraisier/$revision" "$revision" 2>/dev/null; }

fetch_commit() {
  step fetch
  make_mirror
  fetch_all
  fetched=$?
  keep_commit || { [ "$fetched" != 124 ] && fetch "$revision" && keep_commit; } || {
    git --git-dir="$mirror" cat-file -e "$revision^{commit}" 2>/dev/null &&
      fail "$mirror cannot be written to" "$(on_host df -h "$app_path" ';' ls -ld "$mirror")"
    [ "$fetched" = 0 ] || fail_to_fetch "$fetched"
    fail "commit $(printf %.12s "$revision") is no longer in $shown_repo" "deploy another version" "git fetch $shown_repo"
  }
}

discard() { # a release that did not come to be
  remove_release "$id"
  rm -f "$state/$id.index" ${written:+"$own_environment"}
  : >"$state/making"
}

export_commit() { # to the folder where it stays: what is built may depend on its own path
  step export
  printf '%s\n' "$id" >"$state/making" && mkdir -p "$release" &&
    GIT_INDEX_FILE="$state/$id.index" git --git-dir="$mirror" --work-tree="$release" read-tree --reset -u "$revision" ||
    fail "the files of $(printf %.12s "$revision") cannot be written to $app_path" "$(on_host df -h "$app_path")" "git read-tree"
}

share() { # PATH
  # A link of the repository's would lead to what is not the release's.
  way=$release rest=$1
  while [ "$rest" != "${rest#*/}" ]; do
    way="$way/${rest%%/*}" rest=${rest#*/}
    [ ! -L "$way" ] || fail "shared path $1 leads through a link of the repository, $way" "share the link itself"
  done
  kept="$app_path/shared/$1"
  mkdir -p "$(dirname "$kept")" "$(dirname "$release/$1")" || fail_to_share "$1" made
  if [ ! -e "$kept" ] && [ ! -L "$kept" ]; then
    rm -rf "$kept.new"
    if [ -e "$release/$1" ]; then cp -a "$release/$1" "$kept.new"; else mkdir "$kept.new"; fi && mv -T "$kept.new" "$kept" ||
      fail_to_share "$1" made
  fi
  rm -rf "${release:?}/$1"
  ln -s "$kept" "$release/$1" || fail_to_share "$1" linked
}

fail_to_share() { # PATH WHAT
  fail "shared path $1 cannot be $2" "$(on_host df -h "$app_path" ';' ls -ld "$(dirname "$app_path/shared/$1")")"
}

build_release() {
  [ -z "$build" ] || step build
  one() {
    printf '$ %s\n' "$1"
    build_line "$release" "$1" ||
      fail_to_build "$?" "$1" "mend the build and deploy again; the old version was not touched"
  }
  each_line "$build" one
}

prepare() {
  [ -z "$rolling_back" ] || find_unmoved
  clean_up
  if [ "$layout" = releases ] && [ -d "$release" ]; then
    [ -n "$rolling_back" ] || fail "there is a release $id already" "deploy again"
    write_environment
    return
  fi
  if [ -n "$rolling_back" ]; then keep_changes; else refuse_changes; fi
  keep_commit || fetch_commit
  [ -n "$rolling_back" ] || refuse_losses
  write_environment
  # In place, publishing checks out and builds.
  [ "$layout" = releases ] || return 0
  trap discard EXIT
  trap 'exit 143' TERM
  export_commit
  each_line "$shared" share
  [ ! -s "$release/.gitmodules" ] || echo "submodules are not fetched: their folders are empty, unless the build fills them"
  build_release
  : >"$state/making"
  trap - EXIT TERM
}
prepare

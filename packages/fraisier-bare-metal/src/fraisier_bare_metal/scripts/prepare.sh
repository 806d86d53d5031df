# Makes a release and builds it, beside the one in service, which is not touched.
release="$app_path/releases/$id"
# What a killed run left behind: its release is none.
left= written=
[ ! -s "$state/making" ] || read -r left <"$state/making"
[ -z "${left##*/}" ] || [ "$app_path/current" -ef "$app_path/releases/${left##*/}" ] || rm -rf "$app_path/releases/${left##*/}"
if [ -n "$again" ] && [ "$layout" = releases ] && [ -d "$release" ] && [ -f "$state/environments/$id" ]; then
  exit 0
fi
[ -n "$again" ] || refuse_changes
# The commit stays in the mirror, whatever happens to its branch; git refers to none that is not there.
keep_commit() { git --git-dir="$mirror" update-ref "refs/fraisier/$revision" "$revision" 2>/dev/null; }
if ! keep_commit; then
  step fetch
  make_mirror
  fetch_all
  fetched=$?
  keep_commit || { [ "$fetched" != 124 ] && fetch "$revision" && keep_commit; } || {
    git --git-dir="$mirror" cat-file -e "$revision^{commit}" 2>/dev/null &&
      fail "$mirror cannot be written to" "see: df -h $app_path; ls -ld $mirror"
    [ "$fetched" = 0 ] || fail_to_fetch "$fetched"
    fail "commit $(printf %.12s "$revision") is not to be had from $shown_repo" "deploy another version" "git fetch $shown_repo"
  }
fi
[ -n "$again" ] || refuse_losses

told() { # the environment, as systemd reads it
  printf %s "$environment"
  escaped=$version
  case "$version" in *[\"\\\`\$]*) escaped=$(printf %s "$version" | sed 's/["\\`$]/\\&/g') ;; esac
  printf 'FRAISIER_VERSION="%s"\n' "$escaped"
  printf 'FRAISIER_REVISION="%s"\n' "$revision"
}
write_environment() { # FILE: the environment, which nobody else may read
  { [ ! -e "$1" ] && [ ! -L "$1" ]; } || rm -f "$1" || return
  umask 077
  told >"$1"
  written=$?
  umask 022
  return "$written"
}
{ [ -d "$state/environments" ] || mkdir -p "$state/environments"; } &&
  { { [ -n "$again" ] && [ -f "$state/environments/$id" ]; } || write_environment "$state/environments/$id"; } ||
  fail "$state cannot be written to" "see: df -h $app_path; ls -ld $app_path"

[ "$layout" = releases ] || exit 0

step export
discard() {
  rm -rf "$release" "$state/$id.index" ${written:+"$state/environments/$id"}
  : >"$state/making"
}
trap discard EXIT
trap 'exit 143' TERM
# It is made where it stays: what is built may depend on its own path.
[ ! -e "$release" ] || rm -rf "$release"
printf '%s\n' "$id" >"$state/making" && mkdir -p "$release" &&
  GIT_INDEX_FILE="$state/$id.index" git --git-dir="$mirror" --work-tree="$release" read-tree --reset -u "$revision" ||
  fail "the files of $(printf %.12s "$revision") cannot be written to $app_path" "see: df -h $app_path" "git read-tree"

share() {
  mkdir -p "$app_path/shared/$(dirname "$1")" "$release/$(dirname "$1")" || fail "shared path $1 cannot be made"
  if [ ! -e "$app_path/shared/$1" ] && [ ! -L "$app_path/shared/$1" ]; then
    if [ -e "$release/$1" ]; then cp -a "$release/$1" "$app_path/shared/$1"; else mkdir "$app_path/shared/$1"; fi
  fi
  rm -rf "${release:?}/$1"
  ln -s "$app_path/shared/$1" "$release/$1" || fail "shared path $1 cannot be linked"
}
each_line "$shared" share

[ -z "$build" ] || step build
one() {
  printf '$ %s\n' "$1"
  build_line "$release" "$1" || {
    code=$?
    [ "$code" != 124 ] || fail "a build command took longer than $build_timeout s: $1" "" "$1"
    fail "a build command ended with exit code $code: $1" "the old version was not touched; mend the build and deploy again" "$1"
  }
}
each_line "$build" one

: >"$state/making"
trap - EXIT

# Makes a release and builds it, beside the one in service, which is not touched.
release="$app_path/releases/$id"
if [ -n "$again" ] && [ "$layout" = releases ] && [ -d "$release" ] && [ -f "$state/environments/$id" ]; then
  exit 0
fi
[ -n "$again" ] || refuse_changes
# The commit stays in the mirror, whatever happens to its branch; git refers to none that is not there.
keep_commit() { git --git-dir="$mirror" update-ref "refs/fraisier/$revision" "$revision" 2>/dev/null; }
if ! keep_commit; then
  step fetch
  make_mirror
  fetch_all || :
  keep_commit || { fetch "$revision" && keep_commit; } || {
    git --git-dir="$mirror" cat-file -e "$revision^{commit}" 2>/dev/null &&
      fail "$mirror cannot be written to" "see: df -h $app_path; ls -ld $mirror"
    fail "commit $(printf %.12s "$revision") is not to be had from $shown_repo" "deploy another version" "git fetch $shown_repo"
  }
fi
[ -n "$again" ] || refuse_losses

# What killed runs left behind: no release is named like that.
for left in "$app_path"/releases/*.tmp; do [ ! -e "$left" ] || rm -rf "$left"; done

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

making="$release.tmp"
step export
discard() { rm -rf "$making" "$state/environments/$id" "$state/$id.index"; }
trap discard EXIT
trap 'exit 143' TERM
mkdir -p "$making" && GIT_INDEX_FILE="$state/$id.index" git --git-dir="$mirror" --work-tree="$making" read-tree --reset -u "$revision" ||
  fail "the files of $(printf %.12s "$revision") cannot be written to $app_path" "see: df -h $app_path" "git read-tree"

share() {
  mkdir -p "$app_path/shared/$(dirname "$1")" "$making/$(dirname "$1")" || fail "shared path $1 cannot be made"
  if [ ! -e "$app_path/shared/$1" ] && [ ! -L "$app_path/shared/$1" ]; then
    if [ -e "$making/$1" ]; then cp -a "$making/$1" "$app_path/shared/$1"; else mkdir "$app_path/shared/$1"; fi
  fi
  rm -rf "${making:?}/$1"
  ln -s "$app_path/shared/$1" "$making/$1" || fail "shared path $1 cannot be linked"
}
each_line "$shared" share

[ -z "$build" ] || step build
one() {
  printf '$ %s\n' "$1"
  build_line "$making" "$1" || {
    code=$?
    [ "$code" != 124 ] || fail "a build command took longer than $build_timeout s: $1" "" "$1"
    fail "a build command ended with exit code $code: $1" "the old version was not touched; mend the build and deploy again" "$1"
  }
}
each_line "$build" one

mv -T "$making" "$release" || fail "$release cannot be made"
trap - EXIT

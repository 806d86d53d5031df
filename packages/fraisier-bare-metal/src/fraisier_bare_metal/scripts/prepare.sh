# Makes a release and builds it, beside the one in service, which is not touched.
if [ -n "$again" ] && [ "$layout" = releases ] && [ -d "$app_path/releases/$id" ] && [ -f "$state/environments/$id" ]; then
  exit 0
fi
has() { git --git-dir="$mirror" cat-file -e "$revision^{commit}" 2>/dev/null; }
if [ "$fetched" = "" ] && ! has; then
  step fetch
  mkdir -p "$state" || fail "$app_path cannot be written to" "see: ls -ld $app_path"
  if [ "$layout" = in_place ]; then
    git -C "$app_path" init --quiet
    grep -qx /.fraisier/ "$mirror/info/exclude" 2>/dev/null || { mkdir -p "$mirror/info" && echo /.fraisier/ >>"$mirror/info/exclude"; }
  else
    git init --quiet --bare --template= -- "$mirror"
  fi
  timeout "$fetch_timeout" git --git-dir="$mirror" fetch --prune --no-tags --no-recurse-submodules --update-head-ok -- "$git_repo" \
    '+refs/heads/*:refs/remotes/fraisier/*' '+refs/tags/*:refs/tags/*' || :
  has || timeout "$fetch_timeout" git --git-dir="$mirror" fetch --no-tags -- "$git_repo" "$revision" || :
  has || fail "commit $(printf %.12s "$revision") is not to be had from $shown_repo" "deploy another version" "git fetch $shown_repo"
fi
if [ "$layout" = in_place ]; then
  changed=$(git -C "$app_path" status --porcelain --untracked-files=no)
  [ -z "$changed" ] || fail "there are local changes in $app_path: $(printf %s "$changed" | head -n 3 | tr '\n' ',')" "look at them: git -C $app_path status"
fi

# What killed runs left behind: no release is named like that.
rm -rf "$app_path"/releases/*.tmp

mkdir -p "$state/environments" && { [ -n "$again" ] && [ -f "$state/environments/$id" ]; } ||
  { rm -f "$state/environments/$id" && (umask 077 && printf %s "$environment" >"$state/environments/$id"); } ||
  fail "$state cannot be written to" "see: df -h $app_path; ls -ld $app_path"

# The commit stays in the mirror, whatever happens to its branch.
git --git-dir="$mirror" update-ref "refs/fraisier/$revision" "$revision"
[ "$layout" = releases ] || exit 0

release="$app_path/releases/$id"
making="$release.tmp"
step export
discard() { rm -rf "$making" "$state/environments/$id" "$state/$id.index"; }
trap discard EXIT
trap 'exit 143' TERM
mkdir -p "$making" && GIT_INDEX_FILE="$state/$id.index" git --git-dir="$mirror" --work-tree="$making" read-tree --reset -u "$revision" ||
  fail "the files of $(printf %.12s "$revision") cannot be written to $app_path" "see: df -h $app_path" "git read-tree"
rm -f "$state/$id.index"

share() {
  mkdir -p "$app_path/shared/$(dirname "$1")" "$making/$(dirname "$1")" || fail "shared path $1 cannot be made"
  if [ ! -e "$app_path/shared/$1" ] && [ ! -L "$app_path/shared/$1" ]; then
    if [ -e "$making/$1" ]; then cp -a "$making/$1" "$app_path/shared/$1"; else mkdir "$app_path/shared/$1"; fi
  fi
  rm -rf "${making:?}/$1"
  ln -s "$app_path/shared/$1" "$making/$1" || fail "shared path $1 cannot be linked"
}
each_line "$shared" share

# shellcheck source=/dev/null
[ -z "$build" ] || step build
one() {
  echo "\$ $1"
  (cd "$making" && eval "$exports" && exec timeout -k 5 "$build_timeout" /bin/sh -c "$1") </dev/null || {
    code=$?
    [ "$code" != 124 ] || fail "a build command took longer than $build_timeout s: $1" "" "$1"
    fail "a build command ended with exit code $code: $1" "the old version was not touched; mend the build and deploy again" "$1"
  }
}
each_line "$build" one

mv -T "$making" "$release" || fail "$release cannot be made"
trap - EXIT

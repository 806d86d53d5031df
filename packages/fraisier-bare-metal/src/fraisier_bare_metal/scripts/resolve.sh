# Brings the mirror up to date and tells the commit that a version means: a tag, else a branch, else a SHA.
[ -n "$mirror" ] || fail "no mirror"
step fetch
mkdir -p "$state" || fail "$app_path cannot be written to" "see: ls -ld $app_path"
if [ "$layout" = in_place ]; then
  [ -d "$app_path/.git" ] || { [ -z "$(ls -A "$app_path" | grep -vx .fraisier)" ] || fail "$app_path is no git tree and not empty" "move what is there, or set another app_path"; }
  git -C "$app_path" init --quiet || fail "git init failed"
  grep -qx /.fraisier/ "$mirror/info/exclude" 2>/dev/null || { mkdir -p "$mirror/info" && echo /.fraisier/ >>"$mirror/info/exclude"; }
  changed=$(git -C "$app_path" status --porcelain --untracked-files=no)
  [ -z "$changed" ] || fail "there are local changes in $app_path: $(printf %s "$changed" | head -n 3 | tr '\n' ',')" "look at them: git -C $app_path status"
else
  git init --quiet --bare --template= -- "$mirror" || fail "git init failed"
fi
find "$mirror" -name '*.lock' -mmin +20 -exec rm -f {} + 2>/dev/null
fetch() { timeout "$fetch_timeout" git --git-dir="$mirror" fetch --prune --no-tags --no-recurse-submodules --update-head-ok -- "$git_repo" "$@"; }
fetch '+refs/heads/*:refs/remotes/fraisier/*' '+refs/tags/*:refs/tags/*' ||
  fail "git cannot fetch from $shown_repo" "try on the host: git ls-remote $shown_repo" "git fetch $shown_repo"
commit() { git --git-dir="$mirror" rev-parse --verify --quiet --end-of-options "$1^{commit}"; }

if [ -z "$version" ] && [ -z "$branch" ]; then
  branch=$(git ls-remote --symref -- "$git_repo" HEAD | sed -n 's,^ref: refs/heads/\(.*\)\tHEAD$,\1,p')
  [ -n "$branch" ] || fail "$shown_repo has no HEAD on a branch" "set branch under config, or ask a version"
fi
if [ -z "$version" ]; then
  revision=$(commit "refs/remotes/fraisier/$branch") || fail "no branch \"$branch\" in $shown_repo" "see: git ls-remote --heads $shown_repo"
  version=$branch
else
  revision=$(commit "refs/tags/$version") || revision=$(commit "refs/remotes/fraisier/$version") || revision=
  lower=$(printf %s "$version" | tr 'A-F' 'a-f')
  case "$lower" in
    *[!0-9a-f]*) ;;
    ???????*)
      [ -n "$revision" ] || revision=$(commit "$lower") || {
        [ "${#lower}" -ge 40 ] && fetch "$lower" >/dev/null 2>&1 && revision=$(commit "$lower")
      } || revision= ;;
  esac
  [ -n "$revision" ] || fail "no tag, branch or commit \"$version\" in $shown_repo" "see: git ls-remote --heads --tags $shown_repo"
fi
data version "$version"
data revision "$revision"
data id "$(in_service)"
data present "$(recorded "$(in_service)")"
systemctl_show

# Brings the mirror up to date and tells the commit that a version means: a tag, else a branch, else a SHA.
step fetch
make_mirror
refuse_changes
fetch_all || fail_to_fetch "$?"
commit() { git --git-dir="$mirror" rev-parse --verify --quiet --end-of-options "$1^{commit}"; }

if [ -z "$version" ] && [ -z "$branch" ]; then
  branch=$(ask_repository "$fetch_timeout" ls-remote --symref -- "$git_repo" HEAD | sed -n 's,^ref: refs/heads/\(.*\)\tHEAD$,\1,p')
  [ -n "$branch" ] || fail "$shown_repo has no HEAD on a branch" "set branch under config, or ask a version"
fi
if [ -z "$version" ]; then
  revision=$(commit "refs/remotes/fraisier/$branch") || fail "no branch \"$branch\" in $shown_repo" "see: git ls-remote --heads $shown_repo"
  version=$branch
else
  by_sha() {
    case "$version" in *[!0-9a-fA-F]*) return 1 ;; ???????*) ;; *) return 1 ;; esac
    lower=$(printf %s "$version" | tr 'A-F' 'a-f')
    commit "$lower" || { [ "${#lower}" -ge 40 ] && fetch "$lower" >/dev/null 2>&1 && commit "$lower"; }
  }
  revision=$(commit "refs/tags/$version") || revision=$(commit "refs/remotes/fraisier/$version") || revision=$(by_sha) ||
    fail "no tag, branch or commit \"$version\" in $shown_repo" "see: git ls-remote --heads --tags $shown_repo"
fi
data version "$version"
data revision "$revision"
tell_release
short=${revision%"${revision#???????}"}
case "$force-$present-" in
  -*-"$short"-*)
    if [ "$(recorded "$present")" = "$revision" ] && $show is-active --quiet "$unit"; then
      data unchanged yes
      exit 0
    fi
    ;;
esac
# It sorts by time, also for two releases of the same second.
base="$stamp-$short" number=1
id=$base
while [ -e "$state/environments/$id" ] || [ -e "$app_path/releases/$id" ]; do number=$((number + 1)) id="$base-$number"; done
data release "$id"

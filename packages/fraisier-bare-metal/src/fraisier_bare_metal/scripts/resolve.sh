# Brings the mirror up to date and tells the commit that a version means: a tag, else a branch, else a SHA.
# Takes: version branch force stamp fetch_timeout git_repo shown_repo typed_repo git_server git_user git_token provider_test
find_unmoved
step fetch
make_mirror
refuse_changes
fetch_all || fail_to_fetch "$?"
commit() { git --git-dir="$mirror" rev-parse --verify --quiet --end-of-options "$1^{commit}"; }
named() { # REF: the commit of what can be the name of a tag or a branch, see git-check-ref-format(1)
  case "$1" in
    *[~^:?*[\\]* | *..* | *@{* | *[[:cntrl:]]*) return 1 ;;
    # What git describes commits by is no name.
    *-g[0-9a-f][0-9a-f][0-9a-f][0-9a-f]*) git --git-dir="$mirror" show-ref --verify --quiet "$1" || return ;;
  esac
  commit "$1"
}

see_names() { # OPTION...: of what there is
  if [ -n "$typed_repo" ]; then on_host git ls-remote "$@" "$typed_repo"; else printf 'push it, or name another one'; fi
}

if [ -z "$version" ] && [ -z "$branch" ]; then
  branch=$(ask_repository "$fetch_timeout" ls-remote --symref -- "$git_repo" HEAD |
    sed -n 's,^ref: refs/heads/\(.*\)\tHEAD$,\1,p')
  [ -n "$branch" ] || fail "$shown_repo has no HEAD on a branch" "set branch, or name a version with --version"
fi
if [ -z "$version" ]; then
  revision=$(named "refs/remotes/fraisier/$branch") ||
    fail "no branch \"$branch\" in $shown_repo" "$(see_names --heads)"
  version=$branch
else
  by_sha() {
    case "$version" in *[!0-9a-fA-F]*) return 1 ;; ???????*) ;; *) return 1 ;; esac
    lower=$(printf %s "$version" | tr 'A-F' 'a-f')
    commit "$lower" || { [ "${#lower}" -ge 40 ] && fetch "$lower" >/dev/null 2>&1 && commit "$lower"; }
  }
  revision=$(named "$tags/$version") || revision=$(named "refs/remotes/fraisier/$version") ||
    revision=$(by_sha) || fail "no tag, branch or commit \"$version\" in $shown_repo" "$(see_names --heads --tags)"
fi
data version "$version"
data revision "$revision"
data id "$present"
short=${revision%"${revision#???????}"}
case "$force-$present-" in
  -*-"$short"-*)
    # What was cut off in the middle is put in service again, and so is what somebody has checked out by hand.
    if [ ! -e "$state/pending" ] && [ "$(recorded "$present")" = "$revision" ] && $show is-active --quiet "$unit" &&
      { [ "$layout" = releases ] || [ "$(git -C "$app_path" rev-parse HEAD)" = "$revision" ]; }; then
      data unchanged yes
      exit 0
    fi
    ;;
esac
# It sorts by time, also for two releases of the same second.
base="$stamp-$short" number=1
id=$base
while [ -e "$state/environments/$id" ] || [ -e "$app_path/releases/$id" ]; do
  number=$((number + 1)) id="$base-$number"
done
data release "$id"

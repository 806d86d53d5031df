# Looks whether a deployment could work, and changes nothing.
# Takes: branch version deploying programs sudo verbs user patience git_repo git_server git_user git_token
wanted=HEAD
[ -z "$branch" ] || [ -n "$version" ] || wanted="refs/heads/$branch"
asking=
# Where a deployment follows and it was fetched from before, the fetch itself tells in a moment.
if [ -z "$deploying" ] || [ ! -f "$mirror/FETCH_HEAD" ]; then
  # While everything else is looked at.
  answer=$(mktemp -d)
  trap '[ -z "$answer" ] || rm -rf "$answer"' EXIT
  trap 'exit 143' TERM
  ask_repository "$patience" ls-remote -- "$git_repo" "$wanted" >"$answer/said" 2>"$answer/errors" &
  asking=$!
  data git "$(git --version 2>/dev/null)"
fi

data clock "$(date +%s)"
look
is_there() { command -v "$1" >/dev/null 2>&1 || data lacking "$1"; }
each_line "$programs" is_there
# As uid=1000(deploy) gid=1000(deploy) groups=1000(deploy),4(adm); not every number has a name.
who=$(id)
name_in() { # WORD
  name=${1#*[=(]}
  name=${name#*"("}
  name=${name%")"}
}
group=${who#* }
name_in "${group%% *}"
data group "$name"
name_in "${who%% *}"
account=$name
data user "$account"

there="$app_path"
while [ ! -e "$there" ] && [ ! -L "$there" ]; do there=$(dirname "$there"); done
writable() { [ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ]; }
writable "$there" || data unwritable "$there"
# Somebody may have deployed here as another account.
for each in "$state" "$state/environments" "$app_path/releases" "$app_path/shared" "$mirror"; do
  [ ! -e "$each" ] || writable "$each" || data unwritable "$each"
done
for each in "$state/lock" "$ledger"; do [ ! -e "$each" ] || [ -w "$each" ] || data unwritable "$each"; done
data disk "$(stat -f -c '%a %S %d' -- "$there" 2>/dev/null)"

if [ "$layout" = in_place ] && [ -s "$state/pending" ]; then
  # A deployment puts in order what one that was cut off has left, or refuses then.
  :
elif [ "$layout" = in_place ] && [ -d "$app_path/.git" ]; then
  data local "$(git -C "$app_path" status --porcelain --untracked-files=no 2>&1 | head -n 5 | tr '\n' ',')"
elif [ "$layout" = in_place ] && [ -d "$app_path" ] && [ -n "$(ls -A "$app_path" 2>/dev/null)" ]; then
  data occupied "$app_path"
fi

if [ -n "$sudo" ] && command -v sudo >/dev/null 2>&1; then
  # What sudo lists, one command on a line, without its escapes and with the tags that it has or begins with.
  rules=$(sudo -n -l 2>/dev/null |
    sed -nE -e 's/\\//g' -e '/^ *\([^)]*(root|ALL)/!d' -e 's/^ *\([^)]*\) /PASSWD: /' -e 's/, /\n/g' -e p)
  program=$(command -v systemctl) plain=$unit
  case "$unit" in *\\*) plain=$(printf %s "$unit" | tr -d '\\') ;; esac
  may() {
    found= free=
    IFS=$newline && set -f
    for rule in $rules; do
      while [ "${rule%%: *}" != "$rule" ]; do
        case "${rule%%: *}" in NOPASSWD) free=yes ;; PASSWD) free= ;; esac
        rule=${rule#*: }
      done
      path=${rule%% *} words=${rule#"${rule%% *}"}
      # Its patterns are the shell's, and the last rule counts.
      [ "$path" = ALL ] || [ "$path" -ef "$program" ] || continue
      case " $1 $plain" in ${words:-*}) found=$free ;; esac
    done
    unset IFS && set +f
    # Whatever else it means; but what is allowed may need a password, which nobody types.
    [ -n "$found" ] || { sudo -n -l systemctl "$1" "$unit" && sudo -n -v; } >/dev/null 2>&1 && return
    data nosudo "$1"
    data systemctl "$program"
  }
  each_line "$verbs" may
fi
[ -z "$user" ] || [ "$(loginctl show-user "$account" -p Linger --value 2>/dev/null)" = yes ] || data nolinger yes
case "$who" in
  *"(root)"* | *"(adm)"* | *"(wheel)"* | *"(systemd-journal)"*) ;;
  *) [ -n "$user" ] || [ "$account" = root ] || data nojournal "$account" ;;
esac

[ -n "$asking" ] || exit 0
wait "$asking"
code=$?
if [ "$code" = 0 ]; then
  data repository ok
  # To one that is named, or to one that nobody has pushed to yet.
  [ -s "$answer/said" ] || [ -n "$version" ] || data lost "$wanted"
else
  if [ -n "$answer" ]; then said=$(cat "$answer/errors"); else said="no folder can be made in ${TMPDIR:-/tmp}"; fi
  [ "$code" != 124 ] || said="no answer within $patience s"
  take norepository printf '%s\n' "${said:-git ended with exit code $code}"
fi

# Looks whether a deployment could work, and changes nothing.
if [ -n "$branch" ]; then wanted="refs/heads/$branch"; else wanted=HEAD; fi
asking=
# Where a deployment follows and it was fetched from before, the fetch itself tells in a moment.
if [ -z "$deploying" ] || [ ! -f "$mirror/FETCH_HEAD" ]; then
  # While everything else is looked at.
  answer=$(mktemp -d)
  trap '[ -z "$answer" ] || rm -rf "$answer"' EXIT
  trap 'exit 143' TERM
  ask_repository "$patience" ls-remote -- "$git_repo" "$wanted" >"$answer/said" 2>"$answer/errors" &
  asking=$!
fi

data clock "$(date +%s)"
look
for program in git flock setsid find; do
  command -v "$program" >/dev/null 2>&1 || data lacking "$program"
done
# As uid=1000(deploy) gid=1000(deploy) groups=1000(deploy),4(adm); not every number has a name.
who=$(id)
account=${who%% *}
account=${account#*[=(]}
account=${account#*"("}
account=${account%")"}
data user "$account"
data home "$HOME"

there="$app_path"
while [ ! -e "$there" ] && [ ! -L "$there" ]; do there=$(dirname "$there"); done
if [ -d "$there" ] && [ -w "$there" ] && [ -x "$there" ]; then data writable "$there"; else data unwritable "$there"; fi
data disk "$(stat -f -c '%a %S %d' -- "$there" 2>/dev/null)"

if [ "$layout" = in_place ] && [ -d "$app_path/.git" ]; then
  data local "$(git -C "$app_path" status --porcelain --untracked-files=no 2>&1 | head -n 5 | tr '\n' ',')"
elif [ "$layout" = in_place ] && [ -d "$app_path" ] && [ -n "$(ls -A "$app_path" 2>/dev/null)" ]; then
  data occupied "$app_path"
fi

if [ -n "$sudo" ]; then
  may() {
    sudo -n -l systemctl "$1" "$unit" >/dev/null 2>&1 && return
    data nosudo "$1"
    data systemctl "$(command -v systemctl)"
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
  if [ -s "$answer/said" ]; then data repository ok; else data norepository "it has no $wanted"; fi
else
  if [ -n "$answer" ]; then said=$(cat "$answer/errors"); else said="no folder can be made in ${TMPDIR:-/tmp}"; fi
  [ "$code" != 124 ] || said="no answer within $patience s"
  data norepository "$(printf '%s\n' "${said:-git ended with exit code $code}" | grep -v -e '^$' -e '^fatal: Could not read from' | head -n 1)"
fi

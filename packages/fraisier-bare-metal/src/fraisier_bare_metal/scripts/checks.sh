# Looks whether a deployment could work, and changes nothing.
for program in git flock setsid base64 find; do
  command -v "$program" >/dev/null 2>&1 || data lacking "$program"
done
account=$(id -un)
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

if [ -n "$branch" ]; then wanted="refs/heads/$branch"; else wanted=HEAD; fi
mkdir -p -m 700 "$HOME/.ssh" 2>/dev/null
errors=$(mktemp)
# The errors go to a file: the connection that stays for a while would keep a pipe open.
said=$(GIT_SSH_COMMAND="$GIT_SSH_COMMAND -o ControlMaster=auto -o ControlPersist=20" &&
  ask_repository "$patience" ls-remote -- "$git_repo" "$wanted" 2>"$errors")
code=$?
[ "$code" = 0 ] || said=$(cat "$errors")
rm -f "$errors"
if [ "$code" = 0 ]; then
  if [ -n "$said" ]; then data repository ok; else data norepository "it has no $wanted"; fi
else
  [ "$code" != 124 ] || said="no answer within $patience s"
  data norepository "$(printf '%s\n' "${said:-git ended with exit code $code}" | grep -v -e '^$' -e '^fatal: Could not read from' | head -n 1)"
fi

if [ -n "$sudo" ]; then
  data systemctl "$(command -v systemctl)"
  may() { sudo -n -l systemctl "$1" "$unit" >/dev/null 2>&1 || data nosudo "$1"; }
  each_line "$verbs" may
fi
[ -z "$user" ] || [ "$(loginctl show-user "$account" -p Linger --value 2>/dev/null)" = yes ] || data nolinger yes
case " $(id -nG) " in
  *" root "* | *" adm "* | *" wheel "* | *" systemd-journal "*) ;;
  *) [ -n "$user" ] || [ "$account" = root ] || data nojournal "$account" ;;
esac

# Puts a release that is prepared in service. It goes on to its end whatever the client does.
find_present
before=$present
printf '%s\n' "$before" >"$state/back"
step switch
[ -z "$rolled_back" ] || enter "$rolled_back"
enter "$started"
put "$id" || fail "$app_path cannot be switched to $id" "see: df -h $app_path; ls -ld $app_path"

if [ "$layout" = in_place ] && [ -n "$build" ]; then
  step build
  one() {
    printf '$ %s\n' "$1"
    build_line "$app_path" "$1" || {
      code=$?
      fail "a build command ended with exit code $code: $1" "mend the build and deploy again" "$1"
    }
  }
  each_line "$build" one
fi

step "$restart"
restart_unit || {
  code=$?
  journal
  [ "$code" != 124 ] || fail "systemctl $verb $unit took longer than $restart_timeout s" "see: journalctl -u $unit" "$systemctl $verb $unit"
  fail "systemctl $verb $unit ended with exit code $code" "see: systemctl status $unit; journalctl -u $unit" "$systemctl $verb $unit"
}
# Whoever probes from afar comes when there is somebody to answer: for a moment, and not for a service that has ended.
tries=20
while [ -n "$port" ] && [ "$tries" -gt 0 ] && ! grep -qi ":$port [0-9A-F]*:0000 0A" /proc/net/tcp /proc/net/tcp6 2>/dev/null; do
  tries=$((tries - 1))
  [ $((tries % 5)) != 0 ] || $show is-active --quiet "$unit" || break
  sleep 0.03
done
rm -f "$state/back"

# What nobody needs any more: what was gone back from first, never what is in service nor the last two that were good.
prune() {
  case "$kept" in *"$newline$1$newline"*) return ;; esac
  [ "$1" = "$id" ] || [ "$1" = "$before" ] || rm -rf "$app_path/releases/$1" "$state/environments/$1"
}
kept="$newline$keep$newline"
for each in "$state/environments"/*; do prune "${each##*/}"; done

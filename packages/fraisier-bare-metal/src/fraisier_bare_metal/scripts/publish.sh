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
# By connecting, since a look at /proc/net/tcp takes the kernel some 10 ms on a large machine; only bash can do that. It
# has no pause of its own, and a process for every `sleep` costs more than the tries: nothing is ever read from a port to
# which nothing was sent.
[ -z "$door" ] || timeout 2 bash -c '
  exec 3<>/dev/udp/127.0.0.1/9
  for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do
    : <"/dev/tcp/$0" && exit
    [ "$try" != 13 ] || "$@" || exit
    if [ "$try" -lt 10 ]; then read -r -t 0.03 -u 3; else read -r -t 0.1 -u 3; fi
  done' "$door" $show is-active --quiet "$unit" 2>/dev/null
systemctl_show
[ -n "$torn" ] || set -- "$state/back"
rm -f "$@" "$state"/*.index

# What nobody needs any more: what was gone back from first, never what is in service nor the last two that were good.
prune() {
  case "$kept" in *"$newline$1$newline"*) return ;; esac
  [ "$1" = "$id" ] || [ "$1" = "$before" ] || rm -rf "$app_path/releases/$1" "$state/environments/$1"
}
kept="$newline$keep$newline"
for each in "$state/environments"/*; do prune "${each##*/}"; done

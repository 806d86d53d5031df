# Puts a release that is prepared in service. Where it is cut off, `undo` takes it back.
# Takes: id version revision rolling_back rolled_back target deployment who moment keep restart_timeout probe_address
# Takes: build build_timeout exports
find_present
before=$present
step switch
[ "$layout" = in_place ] || settle
# On the way back, what works comes first.
{ printf '%s\n' "$before" "$id" "$deployment" >"$state/pending" &&
  { [ -z "$rolled_back" ] || enter "$rolled_back"; } && enter "$(entry started)"; } ||
  [ -n "$rolling_back" ] || fail "$ledger cannot be written to" "$(on_host df -h "$app_path" ';' ls -ld "$state")"
put "$id" || {
  # Git may have replaced some of the files.
  [ "$layout" = releases ] || [ -z "$before" ] || put "$before"
  fail "$app_path cannot be switched to $id" "$(on_host df -h "$app_path" ';' ls -ld "$app_path")"
}
build_tree
[ "$layout" = releases ] || settle
step "$restart"
restart_unit || {
  code=$?
  journal
  ! was_late "$code" "$restart_timeout" ||
    fail "systemctl $verb $unit took longer than $restart_timeout s" "$(on_host $journalctl -u "$unit")" "$systemctl $verb $unit"
  fail "systemctl $verb $unit ended with exit code $code" "$(on_host $show status "$unit" ';' $journalctl -u "$unit")" \
    "$systemctl $verb $unit"
}
await_port
systemctl_show

# What nobody needs any more: what was gone back from first, never what is in service nor the last two that were good.
prune() {
  case "$kept" in *"$newline$1$newline"*) return ;; esac
  [ "$1" != "$id" ] && [ "$1" != "$before" ] || return 0
  # What is half removed is no release either.
  printf '%s\n' "$1" >"$state/making"
  # As a rule there is one, and all goes in one process.
  rm -rf "$state/pending" "$state"/*.index "$app_path/releases/$1" "$state/environments/$1" 2>/dev/null || remove_release "$1"
  : >"$state/making"
}
kept="$newline$keep$newline"
for each in "$state/environments"/*; do prune "${each##*/}"; done
[ ! -e "$state/pending" ] || rm -f "$state/pending" "$state"/*.index

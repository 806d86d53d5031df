# The unit, as systemd has it.

systemctl_show() { # what systemd knows of the unit, and since when by the clock that no one sets
  take unit $show show "$unit" -p LoadState,ActiveState,SubState,Result,ExecMainStatus,MainPID,NRestarts \
    -p MemoryCurrent,ActiveEnterTimestampMonotonic,CanReload,Job
  read -r uptime _ </proc/uptime && data uptime "$uptime"
}

journal() { # the last lines of the unit's log, for an error
  take log $journalctl -u "$unit" -n 50 --no-pager -o cat
}

restart_unit() { # by the verb that the options name; what failed before does not count against systemd's limit
  verb=$restart
  # Only what runs can be reloaded, and what is gone back from may be anything.
  [ "$verb" != reload ] || { [ -z "$rolling_back" ] && $show is-active --quiet "$unit"; } || verb=restart
  [ -z "$rolling_back" ] || $systemctl reset-failed "$unit" >/dev/null 2>&1
  read -r begun _ </proc/uptime
  change_unit && return
  code=$?
  was_refused "${begun%.*}${begun#*.}" && $systemctl reset-failed "$unit" || return "$code"
  change_unit
}

was_refused() { # SINCE: whether systemd has not even tried to start the unit since then, in hundredths of seconds
  ! $show is-active --quiet "$unit" && tried=$($show show "$unit" -p InactiveExitTimestampMonotonic --value) &&
    [ "${tried%????}" -lt "$1" ] 2>/dev/null
}

change_unit() { timeout -k 5 "$restart_timeout" $systemctl "$verb" "$unit"; }

# The health check comes from afar: when it finds nobody yet, it has cost a round trip and waits before the next one. So
# the port is waited for here, up to a second, and only where there is a bash: nothing else connects without a process.
# 0.03 s between the first tries, then 0.1 s; at the 13th, a unit that has ended is given up. The pause is a read from a
# port to which nothing was sent, since a process for each `sleep` costs more than the tries.
await_port() {
  [ -n "$probe_address" ] || return 0
  # Without --norc, a bash that comes by SSH would begin with what the account's own shell does.
  timeout 2 bash --norc -c '
    exec 3<>/dev/udp/127.0.0.1/9
    for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do
      : <"/dev/tcp/$0" && exit
      [ "$try" != 13 ] || "$@" || exit
      if [ "$try" -lt 10 ]; then read -r -t 0.03 -u 3; else read -r -t 0.1 -u 3; fi
    done' "$probe_address" $show is-active --quiet "$unit" 2>/dev/null
}

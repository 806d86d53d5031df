# The unit's journal: the last lines, and what comes after them.
# Takes: count since follow
show_log() { $journalctl -u "$unit" --no-pager -o short-iso -q "$@"; }
if [ -z "$since" ]; then
  show_log -n "$count" ${follow:+-f}
elif [ -n "$follow" ]; then
  show_log --since "$since" -n all -f
else
  # With a beginning, journalctl of systemd 252 counts from there.
  show_log --since "$since" | tail -n "$count"
fi

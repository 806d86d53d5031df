# The unit's journal: the last lines, and what comes after them.
exec $journalctl -u "$unit" -n "$count" --no-pager -o short-iso -q ${since:+--since "$since"} ${follow:+-f}

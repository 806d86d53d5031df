# Brings back what was in service before a release that failed when nobody was there to hear of it.
[ -f "$state/back" ] || exit 0
before=$(cat "$state/back")
[ -n "$before" ] || exit 0
[ -z "$gone_back" ] || enter "$gone_back"
again=yes
put "$before" && restart_unit
rm -f "$state/back"

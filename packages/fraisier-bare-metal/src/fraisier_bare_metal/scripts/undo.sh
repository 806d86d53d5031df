# Ends a publishing that was cut off, or failed when nobody was there to hear: brings back what was in service before, or
# where that is what was going on, goes on with it.
# Takes: id version revision rolling_back rolled_back target deployment who moment restart_timeout
# Takes: build build_timeout exports
if [ -n "$rolling_back" ]; then
  left=
  [ ! -s "$state/making" ] || read -r left <"$state/making"
  [ "$layout" = in_place ] || { [ -d "$app_path/releases/$id" ] && [ "$left" != "$id" ]; } || exit 0
  back_to=$id
  [ -z "$rolled_back" ] || enter "$rolled_back"
  enter "$(entry started)"
  present=
else
  [ -f "$state/pending" ] || exit 0
  { read -r before; read -r id; read -r whose; } <"$state/pending"
  # What an earlier deployment has left there is not ours to take back.
  [ "$whose" = "$deployment" ] && [ -n "$before" ] || exit 0
  # Somebody may have led `current` elsewhere by hand.
  [ "$layout" = in_place ] || [ -d "$app_path/releases/$before" ] || exit 0
  back_to=$before
  version=$(version_of "$id")
  revision=$(recorded "$id")
  [ -z "$revision" ] || enter "$(entry rolled_back)"
  find_present
  [ "$layout" = releases ] || [ -z "$revision" ] || end_checkout "$revision"
fi
put "$back_to" || exit
[ "$present" != "$back_to" ] || exec rm -f "$state/pending"
# With what was built of the other one it would be a mixture.
version=$(version_of "$back_to")
revision=$(recorded "$back_to")
(build_tree)
rm -f "$state/pending"
rolling_back=yes
restart_unit </dev/null >/dev/null 2>&1 &
# systemd goes on by itself, and the lock need not wait for how long a service takes to start. But whoever looks next has
# to see that it is not what it was.
tries=60
while [ "$tries" -gt 0 ] && kill -0 "$!" 2>/dev/null && $show is-active --quiet "$unit" &&
  [ -z "$($show show "$unit" -p Job --value)" ]; do
  tries=$((tries - 1))
  sleep 0.05
done

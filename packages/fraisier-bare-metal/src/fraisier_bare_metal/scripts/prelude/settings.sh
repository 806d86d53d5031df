# What every script begins with. The variables that it takes are set before it, quoted; these are every script's.
# Takes: mark app_path mirror layout unit systemctl show journalctl restart seen
unset fraisier_prelude
umask 022
export GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0 LANGUAGE=C LC_ALL=C.UTF-8
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
state="$app_path/.fraisier"
ledger="$state/ledger.jsonl"
# Whatever was cut off may have left a line of the ledger that is cut short.
torn=maybe
newline='
'
# In a working tree, the tags belong to whoever works there.
if [ "$layout" = releases ]; then tags=refs/tags; else tags=refs/fraisier-tags; fi

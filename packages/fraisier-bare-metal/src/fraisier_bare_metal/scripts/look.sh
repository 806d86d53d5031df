# Reads what is in service, and changes nothing.
data clock "$(date +%s)"
data id "$(in_service)"
[ ! -f "$state/ledger.jsonl" ] || tail -n 400 "$state/ledger.jsonl" | while IFS= read -r entry; do data ledger "$entry"; done
systemctl_show

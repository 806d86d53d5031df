# What is recorded of releases.

recorded() { # ID: the revision that the ledger has for a release
  # The last one counts.
  sed -n -e 's/.*"event":"started".*"id":"'"$1"'".*"revision":"\([0-9a-f]*\)".*/\1/' -e 't found' \
    -e '$!d' -e g -e p -e d -e ':found' -e h -e '$p' "$ledger" 2>/dev/null
}

version_of() { # ID: the version that a release was made for
  sed -n 's/^FRAISIER_VERSION="\(.*\)"$/\1/p' "$state/environments/$1" | tail -n 1 | sed 's/\\\(.\)/\1/g'
}

entry() { # EVENT: a line of the ledger about a release; all that a name of git can hold and JSON cannot is a quote
  quoted=$version
  case "$version" in *\"*) quoted=$(printf %s "$version" | sed 's/"/\\"/g') ;; esac
  printf '{"event":"%s","target":%s,"id":"%s","version":"%s","revision":"%s","deployment_id":%s,"user":%s,"at":"%s"}' \
    "$1" "$target" "$id" "$quoted" "$revision" "$deployment" "$who" "$moment"
}

enter() { # EVENT-LINE: add it to the ledger and see it on the disk; a line that a crash cut short stays alone
  [ -z "$torn" ] || [ -z "$(tail -c 1 "$ledger" 2>/dev/null)" ] || echo >>"$ledger"
  torn=maybe
  printf '%s\n' "$1" >>"$ledger" || return
  torn=
  sync "$ledger" 2>/dev/null || :
}

# The working tree of the layout in_place.

end_checkout() { # REVISION: of one that was cut off, so that every file of it is known to git
  rm -f "$app_path/.git/index.lock"
  git -C "$app_path" checkout --quiet --force --detach "$1" --
}

mend_tree() { # where the host itself went down in the middle of publishing, and nobody has changed anything since
  [ -f "$state/pending" ] || return 0
  read -r before <"$state/pending"
  find_present
  cut=$(sed -n 's/.*"event":"started".*"revision":"\([0-9a-f]*\)".*/\1/p' "$ledger" 2>/dev/null | tail -n 1)
  [ "$present" = "$before" ] && [ -n "$cut" ] || return 0
  # A file that is neither as it was nor as it was to be is somebody's own.
  differs() { git -C "$app_path" diff --name-only "$1" -- 2>/dev/null; }
  [ -z "$({ differs HEAD && differs "$cut"; } | sort | uniq -d)" ] || return 0
  end_checkout "$cut" && { [ -z "$before" ] || put "$before"; } && rm -f "$state/pending"
}

refuse_changes() { # in a working tree that belongs to git
  [ "$layout" = in_place ] && [ -d "$app_path/.git" ] || return 0
  mend_tree
  changed=$(git -C "$app_path" status --porcelain --untracked-files=no)
  [ -z "$changed" ] || fail "there are local changes in $app_path: $(printf %s "$changed" | head -n 3 | tr '\n' ',')" \
    "$(on_host git -C "$app_path" status)"
}

keep_changes() { # aside, since what works comes first on the way back
  [ "$layout" = in_place ] && [ -d "$app_path/.git" ] || return 0
  aside="$state/local-changes-$(date +%s).patch"
  # They may be what nobody else is to read.
  (umask 077 && git -C "$app_path" diff --binary HEAD >"$aside") || echo "local changes cannot be kept in $aside"
  if [ -s "$aside" ]; then echo "local changes are kept in $aside"; else rm -f "$aside"; fi
}

refuse_losses() { # of files in the working tree that do not belong to git, and do in the new release
  [ "$layout" = in_place ] || return 0
  git -C "$app_path" update-index -q --refresh >/dev/null
  now=$(git -C "$app_path" rev-parse --quiet --verify HEAD) || now=$(git hash-object -t tree /dev/null)
  said=$(git -C "$app_path" read-tree --dry-run -m -u "$now" "$revision" 2>&1) ||
    fail "files in $app_path are in the way: $(printf %s "$said" | head -n 1)" "move them away"
}

build_tree() { # in place, after the check-out
  [ "$layout" = in_place ] && [ -n "$build" ] || return 0
  step build
  one() {
    printf '$ %s\n' "$1"
    build_line "$app_path" "$1" || fail_to_build "$?" "$1" "mend the build and deploy again"
  }
  each_line "$build" one
}

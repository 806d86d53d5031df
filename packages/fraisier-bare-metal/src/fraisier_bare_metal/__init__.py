"""fraisier's provider for hosts with SSH, git and systemd.

`hooks.py` is where to begin reading; `scripts/` holds all that runs on a host, as plain `/bin/sh`.
"""

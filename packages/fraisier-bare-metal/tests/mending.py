"""Doing what a check printed, as a person would."""

from __future__ import annotations

import re

from .site import Site

WHERE = re.compile(r"on the host(?:, as (?P<user>[^:]+))?: (?P<command>.*)$", re.DOTALL)


def apply(site: Site, fix: str) -> str:
    """Do on the host what a check printed, word for word, as the user whom it names; return what that says."""
    found = WHERE.search(fix)
    assert found is not None, f"no command in: {fix}"
    command, user = found["command"], found["user"] or "root"
    if "systemctl" in command and " edit " in command:
        # In an editor on a terminal, a person would write the unit.
        site.host.write("/var/tmp/unit", site.unit_text(site.options["ssh_user"]))
        site.host.write("/usr/local/bin/editor", '#!/bin/sh\ncp /var/tmp/unit "$1"\n', mode="755")
        command = f"XDG_RUNTIME_DIR=/run/user/$(id -u) script -qec '{command}' -"
    return site.host.run(f"cd; {command}", user=user)

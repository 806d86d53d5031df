"""Which sections of the SSH configuration are about a host, where Paramiko does not judge as `ssh` does."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from paramiko import SSHConfig

from fraisier_bare_metal.ssh.command import by_shell

_SECONDS: Final = 10.0
"""How long a command may take that decides whether a section is about a host."""


class JudgedConfig(SSHConfig):
    """Paramiko's configuration, but for some criteria of a `Match`.

    `exec` is run as `ssh` runs it, with nothing to read. Paramiko has Invoke do that, which meanwhile takes what
    we were to read, and leaves its pipes open. `host` is compared with what `HostName %h.example.com` makes.
    """

    @cached_property
    def _looks_twice(self) -> bool:
        # What was read is private, and left out of the stubs.
        kinds = {each["type"] for context in self._config for each in context.get("matches", [])}  # type: ignore[attr-defined]
        return not kinds.isdisjoint({"final", "canonical"})

    def _does_match(self, criteria: Sequence[dict[str, Any]], host: str, *rest: Any) -> bool:
        """Tell whether all criteria are met; there is no public way to say how, and the stubs leave it out."""
        canonical, final, options = rest
        # The second look is for `final` alone: by then, name and user are those that the first one has found.
        if final and not canonical and not self._looks_twice:
            return False
        if "hostname" in options:
            options["hostname"] = options["hostname"].replace("%h", host)
        others = [each for each in criteria if each["type"] != "exec"]
        if others and not super()._does_match(others, host, *rest):  # type: ignore[misc]
            return False
        commands = [each for each in criteria if each["type"] == "exec"]
        return bool(criteria) and all(
            _ends_well(self._tokenize(options, host, "match-exec", each["param"])) != each["negate"]  # type: ignore[attr-defined]
            for each in commands
        )


def _ends_well(command: str) -> bool:
    silent = subprocess.DEVNULL
    try:
        done = subprocess.run(by_shell(command), stdin=silent, stdout=silent, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise ValueError(f"`Match exec {command}` had not ended after {_SECONDS:g} s") from None
    return done.returncode == 0

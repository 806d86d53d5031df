"""Commands that the SSH configuration has: `ProxyCommand`, and `Match exec`."""

from __future__ import annotations

import os


def by_shell(command: str) -> list[str]:
    """Return the words that run a command as `ssh` does, by the shell of whoever is here."""
    return [os.environ.get("SHELL") or "/bin/sh", "-c", command]

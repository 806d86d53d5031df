"""What stands for something else in the SSH configuration: `~`, `${VARIABLE}` and `%h`."""

from __future__ import annotations

import getpass
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tokens:
    """What is meant by the signs in paths that concern a login on one host.

    Args:
        given: the host's name as it was asked for.
        name: its name or address as it is connected to.
        port: the port there.
        user: who logs in.
        alias: the name that its host key is kept under.
    """

    given: str
    name: str
    port: int
    user: str
    alias: str

    def path(self, text: str) -> Path:
        """Return the path that is meant."""
        return Path(expanded(re.sub(r"%(.)", lambda sign: self._meaning(sign[1]), text)))

    def _meaning(self, sign: str) -> str:
        match sign:
            case "%":
                return "%"
            case "d":
                return str(Path.home())
            case "h":
                return self.name
            case "i":
                return str(os.getuid())
            case "k":
                return self.alias
            case "L":
                return socket.gethostname().partition(".")[0]
            case "l":
                return socket.gethostname()
            case "n":
                return self.given
            case "p":
                return str(self.port)
            case "r":
                return self.user
            case "u":
                return getpass.getuser()
            case _:
                return f"%{sign}"


def expanded(text: str) -> str:
    """Return a path with what `~` and variables such as `${NAME}` stand for."""
    text = re.sub(r"\$\{(\w+)\}", lambda name: os.environ.get(name[1], name[0]), text)
    return os.path.expanduser(text)  # noqa: PTH111 - leaves the home of somebody unknown as it is, where Path fails

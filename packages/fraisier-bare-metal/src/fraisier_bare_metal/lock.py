"""The lock of a host, as the client asks for it and keeps it."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from fraisier import DeploymentLockedError, FraisierError, TargetError
from paramiko import SSHException

_HEARTBEAT: Final = 15.0
"""Seconds between two signs of life while the lock is held; without one, the agent gives up in 60 to 80."""
_HELD_BY_ANOTHER: Final = 75


class AskedLock(NamedTuple):
    """The lock that was asked for, who asked, and the number of the order."""

    file: str
    holder: str
    number: str

    def refusal(self, host: str, code: int, holder: str) -> FraisierError:
        """Return the error that says why we do not have it.

        Args:
            host: whose lock it is.
            code: what the order ended with.
            holder: what the holder has written beside the lock: who, and for which deployment.
        """
        if code == _HELD_BY_ANOTHER and holder == self.holder:
            said = f"{host} is still at work on what was cut off there"
            return TargetError(said, hint="look in a while: fraisier status")
        if code == _HELD_BY_ANOTHER:
            who = holder.rpartition(" for ")[0] or "somebody else"
            hint = "wait for it with --wait-lock 15m; the lock goes with its holder"
            return DeploymentLockedError(f"{host} is being deployed to by {who}", hint=hint)
        hint = f"on the host: ls -ld {shlex.quote(self.file)} {shlex.quote(str(PurePosixPath(self.file).parent))}"
        return TargetError(f"{self.file} cannot be written on {host}", hint=hint)


class Heart:
    """Tells the agent that we are still here, for as long as we hold the lock."""

    def __init__(self, send: Callable[[str], object]) -> None:
        self._send = send
        self._ended = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        while not self._ended.wait(_HEARTBEAT):
            try:
                self._send("alive")
            except (OSError, EOFError, SSHException):
                return

    def stop(self) -> None:
        """End it."""
        self._ended.set()

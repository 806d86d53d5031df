"""What a killed deployment has begun and the docker command goes on with: it is waited for, not disturbed.

Every command that a deployment starts inherits the descriptor of a locked file. So the lock is free again when the
deployment has ended, however it did, and with it the last of its commands.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from fraisier import TargetError, process_started

_POLL: Final = 0.05


class Unfinished:
    """The lock of one target on this machine.

    Args:
        path: the file to lock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def wait(self, timeout: float) -> None:
        """Wait until the commands of a deployment that is gone have ended; one that is alive is not waited for.

        Raises:
            TargetError: they have not ended in time.
        """
        deadline = time.monotonic() + timeout
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            while self._descriptor is None and not _lock(file.fileno(), fcntl.LOCK_SH):
                if _is_alive(self._path.read_text(encoding="ascii", errors="replace")):
                    return
                if time.monotonic() > deadline:
                    message = f"a deployment that was killed has left commands that still run after {timeout:g} s"
                    raise TargetError(message, hint="see: ps -ef | grep 'docker compose'")
                time.sleep(_POLL)

    def hold(self) -> int:
        """Take the lock, and return what commands are to inherit; nobody else is alive, which the guard sees to.

        Raises:
            TargetError: the file cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            _lock(self._descriptor, fcntl.LOCK_EX)
            os.truncate(self._descriptor, 0)
            os.write(self._descriptor, f"{os.getpid()} {process_started(os.getpid())}".encode())
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TargetError(
                f"cannot write {self._path}: {reason}", hint="is there space, and the right?"
            ) from error
        return self._descriptor

    def free(self) -> None:
        """Give the lock back, unless a command that was begun still has it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _lock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(owner: str) -> bool:
    pid, _, started = owner.partition(" ")
    return pid.isdigit() and process_started(int(pid)) == started

"""A command that leads to a host, as `ProxyCommand` names one."""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
from typing import IO

from fraisier_bare_metal.ssh.command import by_shell


class Proxy:
    """Runs the command, and is the socket between it and us.

    Paramiko has one, which takes the end of the command for a pause, and keeps what it says to itself.

    Args:
        command: a line of shell.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def open(self) -> socket.socket:
        """Start the command, and return what leads to it."""
        self.forget()
        ours, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it is read when the command has ended
        with theirs:
            line, end = by_shell(self._command), theirs.fileno()
            # Ctrl-C is ours to answer, perhaps by putting back what it leads to.
            self._process = subprocess.Popen(
                line, stdin=end, stdout=end, stderr=self._errors, preexec_fn=_deaf_to_ctrl_c
            )
        return ours

    @property
    def said(self) -> str:
        """The last line of its errors."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        """End the command, if it has not ended by itself."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def forget(self) -> None:
        """Let go of what it has said."""
        if self._errors is not None:
            self._errors.close()
            self._errors = None


def _deaf_to_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

"""An engine behind SSH: one login for all commands of an operation, through OpenSSH and your configuration of it.

Docker itself logs in anew for each connection of each command, and needs its own program on the other side. Here a
socket of this machine leads to the engine's own, so sshd is all that has to be there.
"""

from __future__ import annotations

import os
import select
import shlex
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Final
from urllib.parse import urlsplit

from fraisier import CommandResult, TargetError, kill_group, run_command

_DEFAULT_SOCKET: Final = "/var/run/docker.sock"
_OPENED: Final = b"master session id"
_POLL: Final = 0.02
_LONGEST: Final = 50
"""Characters of a folder's path: macOS has 104 for the name of a socket, of which ssh and we take half."""
# It ends ssh when nobody holds the other end of its input any more: neither we nor a command that we started.
_HOLD: Final = '"$@" </dev/null & exec >&-; read -r _; kill $!'


class Tunnel:
    """A way to the engine of another host, which is there until it is closed.

    Args:
        address: `ssh://[USER@]HOST[:PORT][/SOCKET]`.
        timeout: seconds to log in.

    Raises:
        TargetError: there is no way, with what ssh says.
    """

    def __init__(self, address: str, timeout: float) -> None:
        parts = urlsplit(address)
        host = parts.hostname or ""
        self._destination = f"{parts.username}@{host}" if parts.username else host
        self._port = ["-p", str(parts.port)] if parts.port else []
        folder = gettempdir() if len(gettempdir()) < _LONGEST else "/tmp"  # noqa: S108 - mkdtemp makes it ours alone
        self._folder = Path(mkdtemp(prefix="fraisier-ssh-", dir=folder))
        self._said = self._folder / "said"
        self._probes: list[subprocess.Popen[bytes]] = []
        self._socket = self._folder / "engine"
        self.engine = f"unix://{self._socket}"
        """Our end, as the docker command takes it."""
        forward = f"{self._socket}:{parts.path if parts.path not in ('', '/') else _DEFAULT_SOCKET}"
        command = [
            *("ssh", "-N", "-L", forward, *self._port),
            # Nobody is there to be asked; a host whose key is not known is refused.
            *("-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes"),
            *("-o", f"ConnectTimeout={max(1, round(timeout))}", "-o", "ServerAliveInterval=15"),
            *(
                "-o",
                "ControlMaster=yes",
                "-o",
                f"ControlPath={self._folder / 'control'}",
                "-o",
                "ControlPersist=no",
            ),
            *("--", self._destination),
        ]
        self._shown = shlex.join(["ssh", *self._port, self._destination])
        lifeline, self.lifeline = os.pipe()
        try:
            with self._said.open("wb") as said:
                self._process = subprocess.Popen(
                    ["sh", "-c", _HOLD, "sh", *command],
                    stdin=lifeline,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    start_new_session=True,
                )
        finally:
            os.close(lifeline)
        try:
            self._wait(time.monotonic() + timeout, timeout)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up, unless a command that was begun still needs it."""
        os.close(self.lifeline)
        for each in self._probes:
            kill_group(each.pid)
        with suppress(subprocess.TimeoutExpired):
            for each in [*self._probes, self._process]:
                each.wait(timeout=10)
        for pipe in [self._process.stdout, *(each.stderr for each in self._probes)]:
            if pipe is not None:
                pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Open a TCP connection to `host` as seen from the other side, through the same login."""
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [*self._multiplexed(), "-v", "-W", where, self._destination],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self._probes.append(process)
        try:
            _wait_until_open(process, where, time.monotonic() + timeout)
        except BaseException:
            ours.close()
            raise
        ours.settimeout(timeout)
        return ours

    def run(self, command: str, timeout: float) -> CommandResult:
        """Run a shell command on the other side, through the same login."""
        return run_command([*self._multiplexed(), self._destination, command], timeout=timeout)

    def said(self) -> str:
        """Return the last line that ssh has said."""
        with suppress(OSError):
            lines = self._said.read_text(encoding="utf-8", errors="replace").splitlines()
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""

    def _multiplexed(self) -> list[str]:
        return ["ssh", "-o", "BatchMode=yes", "-S", str(self._folder / "control"), *self._port]

    def _wait(self, deadline: float, timeout: float) -> None:
        """Wait for the socket; when ssh ends first, its end of our pipe says so."""
        assert self._process.stdout is not None  # noqa: S101 - Popen was given a pipe
        while not self._socket.exists():
            if time.monotonic() > deadline:
                raise self._failure(f"no answer within {timeout:g} s")
            if select.select([self._process.stdout], [], [], _POLL)[0] and not self._socket.exists():
                raise self._failure(self.said() or "ssh ended without a word")

    def _failure(self, reason: str) -> TargetError:
        lowered = reason.lower()
        hint = f"try it by hand: {self._shown}"
        if "host key verification failed" in lowered:
            hint = f"compare the host's key with what its owner says, and accept it by hand: {self._shown}"
        elif "permission denied" in lowered:
            hint = f"ssh-copy-id {shlex.join([*self._port, self._destination])}, or ssh-add your key"
        return TargetError(f"cannot reach {self._destination} by SSH: {reason}", hint=hint)


def _wait_until_open(process: subprocess.Popen[bytes], where: str, deadline: float) -> None:
    """Wait until ssh says that the other side has opened the connection; a socket alone would not tell."""
    assert process.stderr is not None  # noqa: S101 - Popen was given a pipe
    said = b""
    while _OPENED not in said:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([process.stderr], [], [], left)[0]:
            raise TimeoutError
        chunk = os.read(process.stderr.fileno(), 65536)
        if not chunk:
            raise ConnectionRefusedError(f"nothing accepts a connection at {where}")
        said += chunk

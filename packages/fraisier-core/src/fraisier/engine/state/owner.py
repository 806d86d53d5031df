"""Who runs an operation, so that another process can tell later whether it still lives."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from fraisier.contract.process import process_started


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """A process, and the host within which its pid means something."""

    host: str
    host_identity: str | None
    """Equal for two processes exactly when they can see each other's pids."""
    pid: int | None
    process_started: str | None

    @classmethod
    def this(cls) -> Owner:
        """Return this process."""
        return _owner(os.getpid())

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Owner:
        """Return the process that a row of a lock or a deployment names."""
        return msgspec.convert(row, cls)

    def was_before_this_boot(self) -> bool:
        """Tell whether this was a process of our host that the host's last boot ended.

        Two hosts of the same name look like that as well, so this alone does not make it certain.
        """
        boot, then = (_boot_of(each) for each in (Owner.this().host_identity, self.host_identity))
        return self.host == Owner.this().host and None not in (boot, then) and boot != then

    def is_certainly_gone(self) -> bool:
        """Tell whether this process has ended for sure; False whenever that cannot be known from here."""
        if self.pid is None or self.host_identity != Owner.this().host_identity:
            return False
        try:
            started = process_started(self.pid)
        except (OSError, subprocess.SubprocessError):
            return False
        if started is not None:
            # Another start time means that the pid was given to another process.
            return self.process_started is not None and started != self.process_started
        return _is_ended(self.pid)


@lru_cache(maxsize=1)
def _owner(pid: int) -> Owner:
    host = os.uname().nodename
    return Owner(host=host, host_identity=_host_identity(host), pid=pid, process_started=process_started(pid))


def _host_identity(host: str) -> str:
    """Join name, boot and pid namespace: a container may have the name of its host, and has its boot."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return host
    return f"{host} {boot} {namespace}"


def _boot_of(host_identity: str | None) -> str | None:
    parts = (host_identity or "").split(" ")
    return parts[1] if len(parts) == 3 else None


def _is_ended(pid: int) -> bool:
    """Confirm that a process without a start time is gone, since /proc may hide other users' processes."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    if not Path("/proc/self/stat").exists():
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in ("Z", "X")

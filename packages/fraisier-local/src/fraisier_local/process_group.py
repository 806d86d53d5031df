"""All processes that a service has started: the groups of the session that its first process leads."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fraisier import process_started


def is_alive(pid: int, started: str) -> bool:
    """Tell whether this very process runs; a zombie does not."""
    return process_started(pid) == started


def groups(pid: int, started: str, machine: str | None) -> set[int]:
    """Return the process groups that are left of what this process led, also when it is gone itself.

    Args:
        pid: the leader of the session.
        started: when it was started; another process with the same pid is not ours.
        machine: the start of process 1 at that time.
    """
    if process_started(pid) not in (None, started) or process_started(1) != machine:
        return set()
    return {group for member, group in _running() if _session(member) == pid}


def send(groups: set[int], number: signal.Signals) -> None:
    """Send a signal to every process of the groups; those that are gone already are no error."""
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def exit_code(pid: int) -> int | None:
    """Return how a child of this very process ended, once; None for any other process."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if ended == pid else None


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _running() -> Iterator[tuple[int, int]]:
    """Give the pid and the group of every process that is not a zombie."""
    if not Path("/proc/self/stat").exists():
        yield from _running_by_ps()
        return
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
                state, _, group = stat.rpartition(")")[2].split()[:3]
                if state not in ("Z", "X"):
                    yield int(folder.name), int(group)


def _running_by_ps() -> Iterator[tuple[int, int]]:
    asked = subprocess.run(
        ["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, timeout=10, check=True
    )
    for line in asked.stdout.splitlines():
        pid, group, state = line.split()[:3]
        if not state.startswith("Z"):
            yield int(pid), int(group)

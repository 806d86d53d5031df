"""Knowing a process again: a pid alone is reused, a pid with its start time is not."""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache
from pathlib import Path


def process_started(pid: int) -> str | None:
    """Return when a process of this machine started, as a text to compare, or None when it is gone.

    A zombie counts as gone. On Linux the text is the boot's id and the start time in clock ticks since boot
    (field 22 of `/proc/PID/stat`, proc(5)); elsewhere it is what `ps -o lstart=` prints.
    """
    if pid <= 0:
        return None
    if Path("/proc/self/stat").exists():
        return _started_by_proc(pid)
    return _started_by_ps(pid)


def _started_by_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may itself hold spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return None if state in ("Z", "X") else f"{_boot()}:{started}"


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _started_by_ps(pid: int) -> str | None:
    asked = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    state, _, started = asked.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()

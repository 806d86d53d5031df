"""One probe of the service: its process first, then what `health_check` says."""

from __future__ import annotations

import signal
from typing import Final

from fraisier import Health, Here, Target, probe

from fraisier_local import process_group, service
from fraisier_local.layout import Layout
from fraisier_local.records import Process, now, read_process

WATCHED: Final = 1.0
"""Seconds that a process has to last before a probe counts: until then, another program may be what answers."""
WATCHED_ALONE: Final = 2.0
"""The same where no health check says more than that the process runs."""


def health_of(target: Target, layout: Layout) -> Health:
    """Probe once; a process that is gone is the final word."""
    process = read_process(layout)
    if process is None:
        return Health(healthy=False, detail="nothing was put in service here", final=True)
    if not service.is_running(process):
        return _gone(process)
    check = target.health_check
    age = (now() - process.at).total_seconds()
    watched = WATCHED_ALONE if check is None else WATCHED
    if 0 <= age < watched:
        return Health(healthy=False, detail=f"started just now; it is watched for {watched:g} s first")
    if check is None:
        return Health(healthy=True, detail=f"process {process.pid} has been running for {age:.0f} s")
    found = probe(check, Here())
    return found if service.is_running(process) else _gone(process)


def _gone(process: Process) -> Health:
    if process.stopped_at is not None:
        return Health(healthy=False, detail="it was stopped", final=True)
    code = process_group.exit_code(process.pid)
    detail = "the process is gone"
    if code is not None:
        detail = f"the process ended with exit code {code}"
        if code < 0:
            detail = f"the process was ended by {signal.Signals(-code).name}"
    return Health(healthy=False, detail=detail, final=True)

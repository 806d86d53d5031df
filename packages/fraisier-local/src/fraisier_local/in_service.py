"""What a target tells about itself: what is in service, since when, and what was before."""

from __future__ import annotations

from typing import Any

from fraisier import Release, Status

from fraisier_local import service
from fraisier_local.layout import Layout
from fraisier_local.records import Entry, Ledger, Process, now, read_process


def status_of(layout: Layout) -> Status:
    """Return the status that the process and the ledger together tell."""
    process = read_process(layout)
    good = Ledger(layout.ledger).good()
    if process is not None and service.is_running(process):
        return Status(
            # One that was told to stop and still runs is on its way out: nobody may count on it.
            state="running" if process.stopped_at is None else "deploying",
            release=_release(process),
            since=process.at,
            details={
                "pid": process.pid,
                "uptime_seconds": round((now() - process.at).total_seconds(), 1),
                **_places(layout, process.id),
            },
            earlier=_earlier(good, process.revision),
        )
    last = good[0] if good else None
    ended_unasked = process is not None and process.stopped_at is None
    return Status(
        state="failed" if ended_unasked else "stopped",
        release=None if last is None else _release(last),
        since=None if process is None else process.stopped_at,
        details={} if last is None else _places(layout, last.id),
        earlier=[] if last is None else _earlier(good, last.revision),
    )


def _release(known: Process | Entry) -> Release:
    return Release(version=known.version, revision=known.revision, details={"release": known.id})


def _places(layout: Layout, release_id: str) -> dict[str, Any]:
    return {"folder": str(layout.release(release_id)), "log": str(layout.log)}


def _earlier(good: list[Entry], present: str) -> list[Release]:
    """Return each other revision once, as it was in service last."""
    found: dict[str, Release] = {}
    for line in good:
        if line.revision != present:
            found.setdefault(line.revision, _release(line))
    return list(found.values())

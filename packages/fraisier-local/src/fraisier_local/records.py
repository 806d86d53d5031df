"""What a target remembers: the ledger of what was put in service, and the process that runs now."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
from fraisier import Target, TargetError

from fraisier_local.layout import Layout


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `ledger.jsonl`."""

    event: Literal["started", "rolled_back"]
    """`rolled_back` says that this release was gone back from."""
    target: str
    """`fraise:environment`."""
    id: str
    """The name of the release's folder."""
    version: str
    revision: str
    deployment_id: str
    user: str
    at: datetime


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """What `process.json` holds: the process that was started last, and whether we told it to stop."""

    pid: int
    started: str
    """Its start, as `fraisier.process_started` tells it: a pid alone is reused."""
    machine: str | None
    """The start of process 1: after a reboot, or in another container, a pid means nothing."""
    id: str
    version: str
    revision: str
    at: datetime
    stopped_at: datetime | None = None


def now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


def entry(
    target: Target, event: Literal["started", "rolled_back"], release_id: str, version: str, revision: str
) -> Entry:
    """Return a line for the ledger that says who did it and when."""
    return Entry(
        event=event,
        target=target.identifier,
        id=release_id,
        version=version,
        revision=revision,
        deployment_id=target.deployment_id,
        user=target.user,
        at=now(),
    )


class Ledger:
    """The append-only file that outlives every release folder and every fraisier process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, line: Entry) -> None:
        """Add a line and see it on the disk; a line that a crash cut short before stays a line of its own."""
        with self.path.open("ab+") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def entries(self) -> Iterator[Entry]:
        """Give every line that can be read, oldest first."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return
        for line in text.splitlines():
            try:
                yield msgspec.json.decode(line, type=Entry)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue

    def good(self) -> list[Entry]:
        """Return each release that was in service and not gone back from, the last started first."""
        found: dict[str, Entry] = {}
        for line in self.entries():
            found.pop(line.id, None)
            if line.event == "started":
                found[line.id] = line
        return list(reversed(found.values()))

    def started(self) -> dict[str, Entry]:
        """Return every release that was ever started, by its id."""
        return {line.id: line for line in self.entries() if line.event == "started"}


def read_process(layout: Layout) -> Process | None:
    """Return the process that was started last, or None when there was none."""
    try:
        return msgspec.json.decode(layout.process.read_bytes(), type=Process)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TargetError(
            f"{layout.process} cannot be read: {error}",
            hint=f"stop the service by hand, then: rm {layout.process}",
        ) from error


def write_process(layout: Layout, process: Process) -> None:
    """Replace `process.json` in one move, so that a reader never sees half of it."""
    new = layout.process.with_suffix(".new")
    with new.open("wb") as file:
        file.write(msgspec.json.encode(process) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(layout.process)

"""What a host remembers of its releases: the ledger, an append-only file of JSON lines beside them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

import msgspec
from fraisier import Release, Target

Event = Literal["started", "succeeded", "rolled_back"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `ledger.jsonl`. The scripts on the host write some and read `event`, `id` and `revision`."""

    event: Event
    """`succeeded`: it was found healthy. `rolled_back`: it was rolled back from."""
    target: str
    """`fraise:environment`."""
    id: str
    """The name of the release."""
    version: str
    revision: str
    deployment_id: str
    user: str
    at: datetime

    @property
    def release(self) -> Release:
        """The release, as `rollback` wants it."""
        return Release(version=self.version, revision=self.revision, details={"release": self.id})

    def line(self) -> str:
        """Return the line of the ledger."""
        return msgspec.json.encode(self).decode()


def in_json(text: str) -> str:
    """Return a text as the scripts on the host put it into a line of the ledger."""
    return msgspec.json.encode(text).decode()


def entry(target: Target, event: Event, release_id: str, version: str, revision: str) -> Entry:
    """Return a line for the ledger that says who did it and when."""
    return Entry(
        event=event,
        target=target.identifier,
        id=release_id,
        version=version,
        revision=revision,
        deployment_id=target.deployment_id,
        user=target.user,
        at=datetime.now(UTC),
    )


def succeeded(started: Entry) -> Entry:
    """Return the line that says that what was started is healthy now."""
    return msgspec.structs.replace(started, event="succeeded", at=datetime.now(UTC))


def rolled_back(target: Target, left: Entry) -> Entry:
    """Return the line that says that a release was rolled back from."""
    return entry(target, "rolled_back", left.id, left.version, left.revision)


class Ledger:
    """The lines of a ledger; one that cannot be read (a crash cut it short) is passed over."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._entries: list[Entry] = []
        for line in lines:
            try:
                self._entries.append(msgspec.json.decode(line, type=Entry))
            except (msgspec.DecodeError, UnicodeError):
                continue

    def standing(self) -> list[Entry]:
        """Return each release that was put in service and not rolled back from, the last started first."""
        found: dict[str, Entry] = {}
        for each in self._entries:
            if each.event == "succeeded":
                continue
            found.pop(each.id, None)
            if each.event == "started":
                found[each.id] = each
        return list(reversed(found.values()))

    def proven(self) -> list[Entry]:
        """Return those of them that were found healthy, and so are worth going back to."""
        healthy: set[str] = set()
        for each in self._entries:
            if each.event == "succeeded":
                healthy.add(each.id)
            elif each.event == "rolled_back":
                healthy.discard(each.id)
        return [each for each in self.standing() if each.id in healthy]

    def started(self, release_id: str) -> Entry | None:
        """Return the last start of a release."""
        found = [each for each in self._entries if each.event == "started" and each.id == release_id]
        return found[-1] if found else None

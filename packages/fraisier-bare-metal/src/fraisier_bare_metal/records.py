"""What a host remembers of its releases: the ledger, an append-only file of JSON lines beside them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

import msgspec
from fraisier import Release, Target


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `ledger.jsonl`. The scripts on the host read `event`, `id` and `revision`, in this order."""

    event: Literal["started", "rolled_back"]
    """`rolled_back` says that this release was gone back from."""
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
        at=datetime.now(UTC),
    )


def gone_back(target: Target, good: Entry) -> Entry:
    """Return the line that says that a release was gone back from."""
    return entry(target, "rolled_back", good.id, good.version, good.revision)


class Ledger:
    """The lines of a ledger; one that cannot be read (a crash cut it short) is passed over."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._entries: list[Entry] = []
        for line in lines:
            try:
                self._entries.append(msgspec.json.decode(line, type=Entry))
            except (msgspec.DecodeError, UnicodeError):
                continue

    def good(self) -> list[Entry]:
        """Return each release that was in service and not gone back from, the last started first."""
        found: dict[str, Entry] = {}
        for each in self._entries:
            found.pop(each.id, None)
            if each.event == "started":
                found[each.id] = each
        return list(reversed(found.values()))

    def started(self, release_id: str) -> Entry | None:
        """Return the last start of a release."""
        found = [each for each in self._entries if each.event == "started" and each.id == release_id]
        return found[-1] if found else None

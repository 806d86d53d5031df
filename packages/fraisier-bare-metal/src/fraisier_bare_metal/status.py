"""What the hosts tell about themselves: what is in service on each, and what that comes to together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from fraisier import FraisierError, Release, Status

from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.ledger import Entry, Ledger
from fraisier_bare_metal.result import Result
from fraisier_bare_metal.unit import Unit


class Present:
    """One host as it was found."""

    def __init__(self, found: Result) -> None:
        self.ledger = Ledger(found.data.get("ledger", []))
        self.unit = Unit.of(found.data.get("unit", []), found.one("uptime"))
        self.entry: Entry | None = self.ledger.started(found.one("id")) if found.one("id") else None
        head = found.one("head")
        self.strange_head = head if self.entry is not None and head not in ("", self.entry.revision) else ""
        """With the layout `in_place`: the commit that somebody has checked out in place of the one recorded."""

    @property
    def proven(self) -> bool:
        """Whether what is in service was found healthy when it was put there."""
        return self.entry is not None and any(each.id == self.entry.id for each in self.ledger.proven())


def in_service(
    fleet: Fleet, *, fresh: bool = True, away: dict[str, FraisierError] | None = None
) -> Mapping[str, Present]:
    """Return what is in service on every host.

    Args:
        fleet: the hosts.
        fresh: whether to look, or to take what the last look has found; see `Host.in_service`.
        away: takes the errors of those that cannot be asked, as long as others can; without it, each is raised.
    """
    return fleet.on_each(fleet.hosts, lambda host: Present(host.in_service(fresh=fresh)), away)


def status_of(fleet: Fleet) -> Status:
    """Return the status of all hosts together: the worst state, and the release that most of them have."""
    away: dict[str, FraisierError] = {}
    present = in_service(fleet, away=away)
    entries = [each.entry for each in present.values() if each.entry is not None]
    counted = Counter(each.revision for each in entries)
    revision = counted.most_common(1)[0][0] if counted else None
    chosen = next((each for each in entries if each.revision == revision), None)
    ages = [each.unit.since for each in present.values() if each.unit.since is not None]
    mixed = chosen is not None and (len(counted) > 1 or len(entries) < len(present))
    details: dict[str, Any] = {"unit": fleet.options.unit}
    if mixed:
        details["mixed"] = "the hosts do not have the same release"
    proven = all(each.proven for each in present.values() if each.entry and each.entry.revision == revision)
    if chosen is not None and not proven:
        details["unproven"] = "it was not found healthy when it was deployed"
    for name in fleet.options.hosts:
        if name in away:
            details[name] = str(away[name])
        else:
            details |= _details(present[name]) if len(fleet.hosts) == 1 else {name: _sentence(present[name])}
    return Status(
        state="unknown" if away else _worst([each.unit.state for each in present.values()], mixed),
        release=None if chosen is None else _release(chosen, present),
        since=max(ages, default=None),
        details=details,
        earlier=_earlier(present, revision),
        proven=proven,
    )


def _release(chosen: Entry, present: Mapping[str, Present]) -> Release:
    """Return the release, with the hosts that have it where there are several."""
    release = chosen.release
    if len(present) == 1:
        return release
    having = [name for name, each in present.items() if each.entry is not None and each.entry.id == chosen.id]
    return msgspec.structs.replace(release, details={**release.details, "hosts": having})


def _worst(states: list[Any], mixed: bool) -> Any:
    order = ["failed", "stopped", "unknown", "deploying", "running"]
    worst = min(states, key=order.index)
    return "deploying" if mixed and worst == "running" else worst


def _details(present: Present) -> dict[str, Any]:
    unit = present.unit
    found: dict[str, Any] = {"systemd": f"{unit.active} ({unit.sub})"}
    if present.strange_head:
        found["drift"] = f"{present.strange_head[:7]} is checked out"
    if unit.pid:
        found["pid"] = unit.pid
    if unit.active == "active" and unit.age is not None:
        found["uptime_seconds"] = round(unit.age, 1)
    if unit.memory is not None:
        found["memory_bytes"] = unit.memory
    if unit.restarts:
        found["restarts"] = unit.restarts
    return found


def _sentence(present: Present) -> str:
    release = f"{present.entry.version} ({present.entry.revision[:7]})" if present.entry else "nothing"
    drift = f", {present.strange_head[:7]} is checked out" if present.strange_head else ""
    return f"{release}{drift}, {present.unit.active} ({present.unit.sub})"


def _earlier(present: Mapping[str, Present], revision: str | None) -> list[Release]:
    """Return each other revision that was healthy, as it was in service last on the first host that knows it."""
    found: dict[str, Release] = {}
    for each in present.values():
        for line in each.ledger.proven():
            if line.revision != revision:
                found.setdefault(line.revision, line.release)
    return list(found.values())

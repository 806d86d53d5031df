"""What the hosts tell about themselves: what is in service on each, and what that comes to together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from fraisier import Release, Status

from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.host import Host
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.records import Entry, Ledger
from fraisier_bare_metal.shell import Result
from fraisier_bare_metal.unit import Unit


class Present:
    """One host as it was found."""

    def __init__(self, found: Result) -> None:
        self.ledger = Ledger(found.data.get("ledger", []))
        self.unit = Unit.of(found.data.get("unit", []), found.one("uptime"))
        self.entry: Entry | None = self.ledger.started(found.one("id")) if found.one("id") else None


def values_of(options: Options) -> dict[str, Any]:
    """Return the variables that every script knows."""
    user = ["--user"] if options.user_unit else []
    return {
        "app_path": options.app_path,
        "mirror": f"{options.app_path}/{'repo.git' if options.layout == 'releases' else '.git'}",
        "layout": options.layout,
        "unit": options.unit,
        "systemctl": " ".join(options.systemctl),
        "show": " ".join(["systemctl", *user]),
        "journalctl": " ".join(["journalctl", *user]),
        "restart": options.restart,
    }


def look(fleet: Fleet) -> Mapping[str, Present]:
    """Look at every host, unless that was done a moment ago and nothing was changed since."""

    def ask(host: Host) -> Present:
        known, host.known = host.known, None
        return Present(known or host.look("look", values_of(fleet.options)))

    return fleet.on_each(fleet.hosts, ask)


def status_of(fleet: Fleet) -> Status:
    """Return the status of all hosts together: the worst state, and the release that most of them have."""
    present = look(fleet)
    entries = [each.entry for each in present.values() if each.entry is not None]
    counted = Counter(each.revision for each in entries)
    revision = counted.most_common(1)[0][0] if counted else None
    chosen = next((each for each in entries if each.revision == revision), None)
    ages = [each.unit.since for each in present.values() if each.unit.since is not None]
    mixed = chosen is not None and (len(counted) > 1 or len(entries) < len(present))
    details: dict[str, Any] = {"unit": fleet.options.unit}
    if mixed:
        details["mixed"] = "the hosts do not have the same release"
    for name, each in present.items():
        details |= _details(each) if len(present) == 1 else {name: _sentence(each)}
    return Status(
        state=_worst([each.unit.state for each in present.values()], mixed),
        release=None if chosen is None else chosen.release,
        since=max(ages, default=None),
        details=details,
        earlier=_earlier(present, revision),
    )


def _worst(states: list[Any], mixed: bool) -> Any:
    order = ["failed", "stopped", "unknown", "deploying", "running"]
    worst = min(states, key=order.index)
    return "deploying" if mixed and worst == "running" else worst


def _details(present: Present) -> dict[str, Any]:
    unit = present.unit
    found: dict[str, Any] = {"systemd": f"{unit.active} ({unit.sub})"}
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
    return f"{release}, {present.unit.active} ({present.unit.sub})"


def _earlier(present: Mapping[str, Present], revision: str | None) -> list[Release]:
    """Return each other revision once, as it was in service last on the first host that knows it."""
    found: dict[str, Release] = {}
    for each in present.values():
        for line in each.ledger.good():
            if line.revision != revision:
                found.setdefault(line.revision, line.release)
    return list(found.values())

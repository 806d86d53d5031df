"""What systemd tells about a unit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from fraisier import Health, HealthCheck

WATCHED = 2.0
"""Seconds that a unit has to stay active before it counts, where no health check says more or it restarted."""
RESTARTS = 3
"""So many restarts by systemd itself, and nobody has to wait any longer."""


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a unit at one moment."""

    load: str
    active: str
    sub: str
    result: str
    exit_status: str
    pid: int
    restarts: int
    memory: int | None
    """In bytes, as systemd accounts it."""
    can_reload: bool
    job: bool
    """Whether systemd has something left to do with it, such as the second half of a restart."""
    age: float | None
    """Seconds since it became active, where the host's clocks tell."""

    @classmethod
    def of(cls, facts: Iterable[str], uptime: str) -> Unit:
        """Read the lines of `systemctl show`, and the host's uptime in seconds."""
        known = dict(fact.partition("=")[::2] for fact in facts)
        entered = _number(known.get("ActiveEnterTimestampMonotonic"))
        age = None
        if entered and uptime:
            passed = float(uptime) - entered / 1_000_000
            # A container may tell its own uptime, where systemd goes by the clock of the machine.
            age = max(0.0, passed) if passed > -1 else None
        return cls(
            load=known.get("LoadState", "unknown"),
            active=known.get("ActiveState", "unknown"),
            sub=known.get("SubState", "unknown"),
            result=known.get("Result", ""),
            exit_status=known.get("ExecMainStatus", ""),
            pid=_number(known.get("MainPID")) or 0,
            restarts=_number(known.get("NRestarts")) or 0,
            can_reload=known.get("CanReload") == "yes",
            job=bool(_number(known.get("Job"))),
            memory=_number(known.get("MemoryCurrent")),
            age=age,
        )

    @property
    def state(self) -> Any:
        """The state in the words of the contract."""
        if self.job:
            return "deploying"
        if self.active == "active":
            return "running"
        if self.active in ("activating", "deactivating", "reloading"):
            return "deploying"
        return {"failed": "failed", "inactive": "stopped"}.get(self.active, "unknown")

    @property
    def since(self) -> datetime | None:
        """When it became active."""
        if self.active != "active" or self.age is None:
            return None
        return (datetime.now(UTC) - timedelta(seconds=self.age)).replace(microsecond=0)

    def unfit(self, name: str, check: HealthCheck | None) -> Health | None:
        """Return why it is not healthy whatever a probe says, or None."""
        if self.load == "not-found":
            return Health(healthy=False, detail=f"there is no unit {name}", final=True)
        if self.job and self.active in ("active", "inactive", "failed"):
            # Between its two halves, a unit that is restarted is inactive for a moment.
            return Health(healthy=False, detail=f"{name} is {self.active} and about to change")
        if self.active in ("failed", "inactive"):
            how = f" ({self.result}, exit status {self.exit_status})" if self.active == "failed" else ""
            return Health(healthy=False, detail=f"{name} is {self.active}{how}", final=True)
        if self.active != "active":
            final = self.restarts >= RESTARTS
            again = f", and was restarted {self.restarts} times" if self.restarts else ""
            return Health(healthy=False, detail=f"{name} is {self.active} ({self.sub}){again}", final=final)
        age = self.age if self.age is not None else WATCHED
        if self.restarts >= RESTARTS and age < WATCHED:
            detail = f"{name} ends again and again: systemd has restarted it {self.restarts} times"
            return Health(healthy=False, detail=detail, final=True)
        if age < WATCHED and (check is None or self.restarts):
            again = f", and was restarted {self.restarts} times" if self.restarts else ""
            detail = f"{name} started just now{again}; it is watched for {WATCHED:g} s first"
            return Health(healthy=False, detail=detail)
        return None


def _number(text: str | None) -> int | None:
    # systemd writes 2^64-1 or "[not set]" for what it does not know.
    return int(text) if text and text.isdigit() and int(text) < 2**63 else None

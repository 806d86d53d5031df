"""What Coolify's `status` of an application or a service means: never live, and late after each deployment."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

State = Literal["running", "stopped", "failed", "deploying", "unknown"]
Verdict = Literal["up", "wait", "down"]

_STATES: Final[dict[str, State]] = {
    "running": "running",
    "exited": "stopped",
    "paused": "stopped",
    "restarting": "failed",
    "degraded": "failed",
    "dead": "failed",
    "starting": "deploying",
    "created": "deploying",
}


class Condition(NamedTuple):
    """A `status`, taken apart."""

    state: str
    """`running`, `exited`, `restarting`, `degraded`, `starting`, `paused`, or what else Coolify says."""
    health: str
    """`healthy`, `unhealthy`, `unknown`; empty where it does not say."""

    @classmethod
    def of(cls, text: str | None) -> Condition:
        """Read `running:healthy`, `running (healthy)`, `running:healthy:excluded`, `exited`."""
        words = (text or "").replace("(", ":").replace(")", "").split(":")
        state, *more = [word.strip() for word in words if word.strip() not in ("", "excluded")] or ["unknown"]
        return cls(state, more[0] if more else "")

    @property
    def as_state(self) -> State:
        """The state in the words of fraisier."""
        return _STATES.get(self.state, "unknown")

    def verdict(self, *, checked: bool, settling: bool) -> Verdict:
        """Tell whether it works.

        Args:
            checked: whether Coolify looks at the health of its containers; only then can it be `healthy`.
            settling: a deployment ended a moment ago, so that what is told may be older than it.
        """
        if self.state == "running" and (self.health == "healthy" or (not checked and self.health != "unhealthy")):
            return "up"
        return "wait" if settling or self.state == "starting" else "down"

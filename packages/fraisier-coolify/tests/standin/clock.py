"""The time of the stand-in: it runs with the machine's, and tests step, hold and skew it."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count


class Clock:
    """Seconds since the start, and what is to happen when; nothing happens but in `catch_up`."""

    def __init__(self) -> None:
        self.skew = 0.0
        """Seconds by which the times that the server tells are wrong."""
        self._began = datetime.now(UTC)
        self._origin = time.monotonic()
        self._held: float | None = None
        self._event: float | None = None
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    @property
    def now(self) -> float:
        """The seconds since the start: while an event runs, those at which it was due."""
        if self._event is not None:
            return self._event
        return time.monotonic() - self._origin if self._held is None else self._held

    def step(self, seconds: float) -> None:
        """Let time pass at once."""
        if self._held is None:
            self._origin -= seconds
        else:
            self._held += seconds

    def hold(self) -> None:
        """Let time stand still, so that only `step` moves it."""
        self._held = self.now

    def go_on(self) -> None:
        """Let time pass by itself again."""
        if self._held is not None:
            self._origin = time.monotonic() - self._held
            self._held = None

    def moment(self, at: float | None = None) -> datetime:
        """Return what the server's own clock shows."""
        return self._began + timedelta(seconds=(self.now if at is None else at) + self.skew)

    def stamp(self, at: float | None = None) -> str:
        """Return a time as Coolify writes it in JSON."""
        return self.moment(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def later(self, seconds: float, event: Callable[[], None]) -> None:
        """Have something happen in so many seconds."""
        heapq.heappush(self._due, (self.now + seconds, next(self._numbers), event))

    def catch_up(self) -> None:
        """Do what is due by now, in its order, as if each had been done in time."""
        until = self.now
        while self._due and self._due[0][0] <= until:
            self._event, _, event = heapq.heappop(self._due)
            try:
                event()
            finally:
                self._event = None

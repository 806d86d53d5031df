"""How many requests a minute may be made: well under what Coolify allows a user, with all tokens together."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final

REQUESTS: Final = 100
"""Half of the 200 a minute that Coolify allows, so that a colleague's deployment and the CI have their share."""
PERIOD: Final = 60.0


class Budget:
    """Lets a burst through, and then as many requests as the last minute has room for."""

    def __init__(self, requests: int = REQUESTS, period: float = PERIOD) -> None:
        self._requests = requests
        self._period = period
        self._spent: deque[float] = deque()
        self._guard = threading.Lock()

    def spend(self) -> None:
        """Wait until a request may be made, and count it."""
        while (wait := self._reserve()) > 0:
            time.sleep(wait)

    def _reserve(self) -> float:
        """Count a request and return 0, or return the seconds until there is room for it."""
        with self._guard:
            now = time.monotonic()
            while self._spent and self._spent[0] <= now - self._period:
                self._spent.popleft()
            if len(self._spent) >= self._requests:
                return self._spent[0] + self._period - now
            self._spent.append(now)
            return 0.0

"""Waiting for somebody else to be done: with the state's lock, or with the target itself."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

from fraisier.contract.errors import DeploymentLockedError

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0


class Patience:
    """How long one command waits for others, all in all; it begins with the first wait.

    Args:
        seconds: 0 waits for nobody.
        on_wait: called once, with the error that waiting avoids, before the first wait.
    """

    def __init__(self, seconds: float, on_wait: Callable[[DeploymentLockedError], None] | None = None) -> None:
        self._seconds = seconds
        self._on_wait = on_wait
        self._deadline: float | None = None
        self._pause = _FIRST_PAUSE

    def wait(self, error: DeploymentLockedError) -> bool:
        """Pause before another try, or return False when there has been waiting enough."""
        if self._deadline is None:
            self._deadline = time.monotonic() + self._seconds
            if self._seconds > 0 and self._on_wait is not None:
                self._on_wait(error)
        left = self._deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(left, self._pause * random.uniform(0.5, 1.0)))  # noqa: S311 - spreads the tries, hides nothing
        self._pause = min(_LONGEST_PAUSE, self._pause * 1.5)
        return True

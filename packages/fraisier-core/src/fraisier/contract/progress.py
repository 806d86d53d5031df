"""How a provider tells what it is doing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Progress(ABC):
    """Where a provider's steps and output go; a provider itself never prints.

    Steps are timed, shown, and recorded in the history. Lines belong to the step that is open.
    """

    @abstractmethod
    def step(self, name: str) -> AbstractContextManager[None]:
        """Open a step for the duration of a `with` block; an exception in it marks the step as failed.

        Args:
            name: a short verb phrase, such as `fetch`, `build`, `restart my_api.service`.
        """

    @abstractmethod
    def line(self, text: str) -> None:
        """Pass on one line of output of what runs in this step."""

    @abstractmethod
    def advance(self, done: float, total: float) -> None:
        """Tell how far the open step is, in any unit: bytes, layers, hosts."""

"""Stand-ins for what core gives to a provider: a progress and a display that remember."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fraisier.contract.errors import DeploymentLockedError
from fraisier.contract.models import Step
from fraisier.contract.progress import Progress


class RecordingProgress(Progress):
    """Keeps the names of the steps and every line."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.lines: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Keep a step's name."""
        self.steps.append(name)
        yield

    def line(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)

    def advance(self, done: float, total: float) -> None:
        """Do nothing."""


class IntrudingProgress(RecordingProgress):
    """Tries something at the beginning of every step, and keeps whether that was refused as locked."""

    def __init__(self, intrude: Callable[[], object]) -> None:
        super().__init__()
        self._intrude = intrude
        self.refused = False

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Intrude, then go on as ever."""
        try:
            self._intrude()
        except DeploymentLockedError:
            self.refused = True
        with super().step(name):
            yield


class RecordingDisplay:
    """Keeps whatever would be shown, as lines."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def step_started(self, name: str) -> None:
        """Keep it."""
        self.shown.append(f"{name} ...")

    def step_ended(self, step: Step) -> None:
        """Keep it."""
        self.shown.append(f"{step.name}: {step.status}")

    def line(self, text: str) -> None:
        """Keep it."""
        self.shown.append(f"| {text}")

    def advance(self, done: float, total: float) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Keep it."""
        self.shown.append(text)

    def warn(self, text: str) -> None:
        """Keep it."""
        self.shown.append(f"warning: {text}")

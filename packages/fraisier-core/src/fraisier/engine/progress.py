"""The progress of an operation: recorded, timed, redacted, and passed on to whoever shows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import msgspec

from fraisier.contract.models import Step
from fraisier.contract.progress import Progress
from fraisier.engine.configuration.redaction import Redactor


class Display(Protocol):
    """Where a person sees what happens: the CLI's terminal display or its plain lines."""

    def step_started(self, name: str) -> None:
        """Show that a step has begun."""

    def step_ended(self, step: Step) -> None:
        """Show how a step ended."""

    def line(self, text: str) -> None:
        """Show a line of output of the open step."""

    def advance(self, done: float, total: float) -> None:
        """Show how far the open step is."""

    def note(self, text: str) -> None:
        """Show a sentence worth knowing."""

    def warn(self, text: str) -> None:
        """Show a sentence that needs attention."""


class RecordedProgress(Progress):
    """Keeps the steps of one operation; hosts in threads of their own may report at the same time."""

    def __init__(self, display: Display, redactor: Redactor, on_change: Callable[[Sequence[Step]], None]) -> None:
        self._display = display
        self._redactor = redactor
        self._on_change = on_change
        self._guard = threading.RLock()
        self.steps: list[Step] = []
        self.failed_step = ""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Open a step, and time it."""
        name = self._redactor(name)
        started = time.monotonic()
        with self._guard:
            place = len(self.steps)
            self.steps.append(Step(name=name, seconds=0.0, status="running"))
        ended = Step(name=name, seconds=0.0, status="failed")
        try:
            # Ctrl-C may come in here already, and a lost lock is found here. What is shown is recorded.
            with self._guard:
                self._on_change(self.steps)
                self._display.step_started(name)
            yield
            ended = msgspec.structs.replace(ended, status="success")
        except BaseException:
            self.failed_step = self.failed_step or name
            raise
        finally:
            seconds = round(time.monotonic() - started, 3)
            ended = msgspec.structs.replace(ended, seconds=seconds)
            with self._guard:
                self.steps[place] = ended
                self._display.step_ended(ended)

    def line(self, text: str) -> None:
        """Show a line of output."""
        with self._guard:
            self._display.line(self._redactor(text))

    def advance(self, done: float, total: float) -> None:
        """Show how far the open step is."""
        with self._guard:
            self._display.advance(done, total)

"""Progress on stderr: plain lines here, a live display on a terminal."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fraisier.contract.models import Step
    from fraisier.engine.progress import Display

_TAIL = 20


class PlainDisplay:
    """A line for everything, as it happens: for logs, CI and dumb terminals."""

    def step_started(self, name: str) -> None:
        """Say what begins."""
        _say(f"{name} ...")

    def step_ended(self, step: Step) -> None:
        """Say how it ended, and how long it took."""
        _say(f"{step.name}: {'ok' if step.status == 'success' else 'failed'} ({step.seconds:.1f} s)")

    def line(self, text: str) -> None:
        """Pass on a line of output."""
        _say(f"  | {text}")

    def advance(self, done: float, total: float) -> None:
        """Say nothing: a log has no use for percentages."""

    def note(self, text: str) -> None:
        """Say a sentence."""
        _say(f"fraisier: {text}")

    def warn(self, text: str) -> None:
        """Say a sentence that needs attention."""
        _say(f"fraisier: warning: {text}")


@contextmanager
def showing_progress() -> Iterator[Display]:
    """Give the display that fits stderr: live on a terminal, plain lines elsewhere."""
    if sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "") and "CI" not in os.environ:
        from fraisier.cli.live import LiveDisplay

        with LiveDisplay(_TAIL) as display:
            yield display
    else:
        yield PlainDisplay()


def warn(text: str) -> None:
    """Say a sentence that needs attention, outside of any progress."""
    _say(f"fraisier: warning: {text}")


class Tail(deque[str]):
    """The last lines of a step's output."""

    def __init__(self) -> None:
        super().__init__(maxlen=_TAIL)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()

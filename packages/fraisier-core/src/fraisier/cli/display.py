"""Progress on stderr: plain lines here, a live display on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fraisier.cli.render import say

if TYPE_CHECKING:
    from fraisier.contract.models import Step
    from fraisier.engine.progress import Display

_TAIL = 20


class PlainDisplay:
    """A line for everything, as it happens: for logs, CI and dumb terminals."""

    def step_started(self, name: str) -> None:
        """Say what begins."""
        say(f"{name} ...")

    def step_ended(self, step: Step) -> None:
        """Say how it ended, and how long it took."""
        say(f"{step.name}: {'ok' if step.status == 'success' else 'failed'} ({step.seconds:.1f} s)")

    def line(self, text: str) -> None:
        """Pass on a line of output."""
        say(f"  | {text}")

    def advance(self, done: float, total: float) -> None:
        """Say nothing: a log has no use for percentages."""

    def note(self, text: str) -> None:
        """Say a sentence."""
        say(f"fraisier: {text}")

    def warn(self, text: str) -> None:
        """Say a sentence that needs attention."""
        say(f"fraisier: warning: {text}")


@contextmanager
def showing_progress() -> Iterator[Display]:
    """Give the display that fits stderr: live on a terminal, plain lines elsewhere."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if terminal and os.environ.get("TERM") not in ("dumb", "") and "CI" not in os.environ:
        from fraisier.cli.live import LiveDisplay

        with LiveDisplay(_TAIL) as display:
            yield display
    else:
        yield PlainDisplay()


def warn(text: str) -> None:
    """Say a sentence that needs attention, outside of any progress."""
    say(f"fraisier: warning: {text}")

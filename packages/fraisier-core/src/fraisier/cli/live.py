"""The live display on a terminal: the only module that knows Rich."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group  # noqa: TID253 - this is Rich's one module
from rich.live import Live  # noqa: TID253
from rich.spinner import Spinner  # noqa: TID253
from rich.table import Table  # noqa: TID253
from rich.text import Text  # noqa: TID253

if TYPE_CHECKING:
    from fraisier.contract.models import Step


class LiveDisplay:
    """A line for each step with its elapsed time, and the open step's last line of output below it.

    Args:
        tail: how many lines of output are shown of a step that fails.
    """

    def __init__(self, tail: int) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=False)
        self._open: list[tuple[str, float]] = []
        self._output: deque[str] = deque(maxlen=tail)
        self._share = ""
        self._live = Live(
            get_renderable=self._picture, console=self._console, refresh_per_second=10, transient=True
        )

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def __exit__(self, *_: Any) -> None:
        with suppress(OSError):
            self._live.stop()

    def step_started(self, name: str) -> None:
        """Show a step with a running clock."""
        self._open.append((name, time.monotonic()))
        self._output.clear()
        self._share = ""

    def step_ended(self, step: Step) -> None:
        """Leave the step's line standing, with its output where it failed."""
        self._open = [each for each in self._open if each[0] != step.name]
        good = step.status == "success"
        mark = Text("✓ " if good else "✗ ", style="green" if good else "red")
        self._leave(mark + Text(step.name) + Text(f"  {step.seconds:.1f} s", style="dim"))
        if not good:
            for line in self._output:
                self._leave(Text(f"  │ {line}", style="dim"))
        self._output.clear()
        self._share = ""

    def line(self, text: str) -> None:
        """Show the newest line of output."""
        self._output.append(text)

    def advance(self, done: float, total: float) -> None:
        """Show how far the open step is."""
        self._share = f"  {100 * done / total:.0f} %" if total > 0 else ""

    def note(self, text: str) -> None:
        """Leave a sentence standing."""
        self._leave(Text(f"fraisier: {text}"))

    def warn(self, text: str) -> None:
        """Leave a sentence standing that needs attention."""
        self._leave(Text(f"fraisier: warning: {text}", style="yellow"))

    def _leave(self, text: Text) -> None:
        # The terminal may be gone, which sends SIGHUP; the old version is put back all the same.
        with suppress(OSError):
            self._console.print(text)

    def _picture(self) -> Group:
        lines: list[Any] = []
        for name, started in self._open:
            row = Table.grid(padding=(0, 1))
            clock = Text(f"{time.monotonic() - started:.1f} s{self._share}", style="dim")
            row.add_row(Spinner("dots"), Text(name), clock)
            lines.append(row)
        if self._open and self._output:
            shown = Text(f"  │ {self._output[-1]}", style="dim", no_wrap=True, overflow="ellipsis")
            lines.append(shown)
        return Group(*lines)

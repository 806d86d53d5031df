"""What a script on a host says: its steps, its lines, what it found out, and with what it ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

from fraisier import Progress

_KEPT_LINES: Final = 200


class Quiet(Progress):
    """Hears nothing: for looking."""

    def step(self, name: str) -> Any:
        """Ignore a step."""
        return ExitStack()

    def line(self, text: str) -> None:
        """Ignore a line."""

    def advance(self, done: float, total: float) -> None:
        """Ignore a count."""


class End(NamedTuple):
    """An order has ended."""

    number: str
    exit_code: int


class Transcript:
    """Takes the lines that come from a host, one by one.

    A line that begins with the mark is the agent's or the script's own word; every other one is output.

    Args:
        mark: what no other output holds.
        progress: hears the steps, of which the last one fails with the script, and the lines.
    """

    def __init__(self, mark: str, progress: Progress) -> None:
        self._mark = mark
        self._progress = progress
        self._step = ExitStack()
        self._hear: Callable[[str], None] = self._output
        self._blank = False
        self.data: dict[str, list[str]] = {}
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)

    def __enter__(self) -> Transcript:
        self._step.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._step.__exit__(*raised)

    def take(self, line: str) -> End | None:
        """Take a line, and return which order it ends, if it does."""
        if not line.startswith(self._mark):
            self._take_output(line)
            return None
        # The end of a line comes before every mark, in case the output had none.
        self._hear, self._blank = self._output, False
        kind, _, rest = line[len(self._mark) + 1 :].partition(" ")
        match kind:
            case "step":
                self._step.close()
                self._step.enter_context(self._progress.step(rest))
            case "data":
                name, _, value = rest.partition(" ")
                self.data.setdefault(name, []).append(value)
            case "take":
                self._hear = self.data.setdefault(rest, []).append
            case "end":
                number, _, code = rest.partition(" ")
                return End(number, int(code))
        return None

    def _take_output(self, line: str) -> None:
        if self._blank:
            self._hear("")
        self._blank = not line
        if line:
            self._hear(line)

    def _output(self, line: str) -> None:
        self.lines.append(line)
        self._progress.line(line)

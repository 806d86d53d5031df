"""Ctrl-C, SIGTERM and SIGHUP as one exception, and the one place where they have to wait."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Handler = Callable[[int, FrameType | None], Any]


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does: one path cleans up after all three."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    with _handled(interrupt):
        yield


@contextmanager
def shielded(on_first: Callable[[], None]) -> Iterator[None]:
    """Finish what has to be finished: the first signal is answered by `on_first`, only the second one raises."""
    seen: list[int] = []

    def count(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        if len(seen) > 1:
            raise KeyboardInterrupt(signal.Signals(number).name)
        on_first()

    with _handled(count):
        yield


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    # A signal that our parent had ignored (nohup, a background job of a script) stays ignored.
    ours = [number for number in _SIGNALS if before[number] is not signal.SIG_IGN]
    for number in ours:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])

"""Doing the same with several things at the same time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar, cast

A = TypeVar("A")
T = TypeVar("T")
_POLL: Final = 0.2
"""Seconds between two looks for a signal: where another thread was given it, it ends no wait of the main one."""


def in_parallel(
    things: Sequence[A],
    work: Callable[[A], T],
    *,
    at_once: int,
    on_interrupt: Callable[[], None] = lambda: None,
    farewell: float = 0.0,
) -> list[T]:
    """Do something with each of several things, in threads, and return what each gave, in order.

    The threads of `concurrent.futures` are waited for until they end, also after Ctrl-C and at the end of the
    process; these are not.

    Args:
        things: what to work on; the first ones are begun with first.
        work: what to do. What it raises is raised here when all have ended.
        at_once: how many to work on at the same time.
        on_interrupt: called at Ctrl-C, when nothing more is begun, to end what runs.
        farewell: seconds that what runs then may take to end; what still hangs is left behind.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[int, T | BaseException, bool]] = queue.SimpleQueue()
    interrupted = threading.Event()
    for index in range(len(things)):
        waiting.put(index)

    def take_turns() -> None:
        with suppress(queue.Empty):
            while not interrupted.is_set():
                index = waiting.get_nowait()
                try:
                    answers.put((index, work(things[index]), True))
                except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
                    answers.put((index, error, False))

    threads = [threading.Thread(target=take_turns, daemon=True) for _ in things[:at_once]]
    for thread in threads:
        thread.start()
    try:
        ended = sorted((_next(answers) for _ in things), key=lambda answer: answer[0])
    except BaseException:
        interrupted.set()
        on_interrupt()
        deadline = time.monotonic() + farewell
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        raise
    for _, outcome, succeeded in ended:
        if not succeeded:
            raise cast("BaseException", outcome)
    return [cast("T", outcome) for _, outcome, _ in ended]


def _next(answers: queue.SimpleQueue[T]) -> T:
    while True:
        with suppress(queue.Empty):
            return answers.get(timeout=_POLL)

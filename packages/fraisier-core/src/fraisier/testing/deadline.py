"""What the contract kit needs to see that a hook keeps its deadline."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, what: str, call: Callable[[], T]) -> T:
    """Return what a call returns, raise what it raises, and fail when it has not ended in time."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            outcome.set_exception(error)

    # A call that never ends must not keep the test run from ending.
    threading.Thread(target=run, daemon=True).start()
    wait([outcome], timeout=seconds)
    assert outcome.done(), f"{what} has not ended within {seconds:g} s"
    return outcome.result()


class SilentServer:
    """Accepts connections and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._accepted: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._accepted.append(self._listener.accept()[0])

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)
        for each in self._accepted:
            each.close()

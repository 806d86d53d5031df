"""Connections that live as long as one operation."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable


class Closeable(Protocol):
    """Anything that a session can hold: it is closed when the operation ends."""

    def close(self) -> object:
        """Give back what this holds."""


C = TypeVar("C", bound=Closeable)


class Session:
    """Hands the same connection to every hook of one operation, and closes it at the end.

    Hooks are stateless functions; this is how they share one login. Threads may ask at the same time: each key
    is opened once.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}
        self._held: dict[str, Closeable] = {}
        self._closed = False

    def get(self, key: str, open: Callable[[], C]) -> C:  # noqa: A002 - the contract's own word
        """Return what is held under `key`, or open it first.

        Args:
            key: names the connection within this operation, such as `ssh:prod.example.com`.
            open: makes the connection; its errors pass through and nothing is kept.
        """
        with self._guard:
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:
            held = self._look(key)
            return cast("C", held) if held is not None else self._keep(key, open())

    def close(self) -> None:
        """Close everything, last opened first; an error while closing does not keep the others open."""
        with self._guard:
            self._closed = True
        while self._held:
            _, held = self._held.popitem()
            try:
                held.close()
            except Exception:  # noqa: BLE001, S112 - the operation is over: a connection that is gone is closed
                continue

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _look(self, key: str) -> Closeable | None:
        with self._guard:
            if self._closed:
                raise _closed(key)
            return self._held.get(key)

    def _keep(self, key: str, opened: C) -> C:
        with self._guard:
            if not self._closed:
                self._held[key] = opened
                return opened
        # Closed while this one was being opened: nobody else would ever close it.
        opened.close()
        raise _closed(key)


def _closed(key: str) -> RuntimeError:
    return RuntimeError(f"the session is closed; {key} cannot be opened")

"""The units' journals: the last lines of every host in the order of their times, and new ones as they come."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from typing import Any, Final

from fraisier import FraisierError, Progress

from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.host import Host
from fraisier_bare_metal.in_service import values_of

_A_DAY: Final = 86400.0
_POLL: Final = 0.5


def read(fleet: Fleet, lines: int, follow: bool, since: datetime | None) -> Iterator[str]:
    """Give the last lines, `lines` of them in all, then with `follow` every line until the caller stops asking."""
    begin = f"@{math.floor(since.timestamp())}" if since else ""
    values = {**values_of(fleet.options), "count": lines, "since": begin, "follow": False}
    many = len(fleet.hosts) > 1
    if not follow:

        def last(host: Host) -> list[str]:
            heard = _Heard()
            host.shell.run("log", values, fleet.options.deadlines.look, heard)
            return heard.lines

        found = fleet.on_each(fleet.hosts, last)
        told = [(line, name) for name, heard in found.items() for line in heard]
        # They begin with their times, in one format.
        chosen = sorted(told, key=lambda each: each[0][:24]) if many else told
        yield from (f"{name} | {line}" if many else line for line, name in chosen[-lines:] if lines)
        return
    yield from _followed(fleet, {**values, "follow": True}, many)


def _followed(fleet: Fleet, values: dict[str, Any], many: bool) -> Iterator[str]:
    heard: queue.Queue[str | BaseException] = queue.Queue(maxsize=1000)

    def listen(host: Host) -> None:
        try:
            host.shell.run("log", values, _A_DAY, _Passed(heard, f"{host.name} | " if many else ""))
            heard.put(FraisierError(f"the journal of {host.name} ended"))
        except BaseException as error:  # noqa: BLE001 - handed to the reader
            heard.put(error)

    for host in fleet.hosts:
        threading.Thread(target=listen, args=(host,), daemon=True).start()
    try:
        while True:
            try:
                line = heard.get(timeout=_POLL)
            except queue.Empty:
                continue
            if isinstance(line, BaseException):
                raise line
            yield line
    finally:
        for host in fleet.hosts:
            host.close()


class _Heard(Progress):
    """Keeps every line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, name: str) -> Any:
        return nullcontext()

    def line(self, text: str) -> None:
        self.lines.append(text)

    def advance(self, done: float, total: float) -> None:
        return


class _Passed(_Heard):
    """Passes every line on as it comes."""

    def __init__(self, to: queue.Queue[str | BaseException], prefix: str) -> None:
        super().__init__()
        self._to = to
        self._prefix = prefix

    def line(self, text: str) -> None:
        self._to.put(self._prefix + text)

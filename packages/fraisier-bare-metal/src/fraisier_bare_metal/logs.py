"""The units' journals: the last lines of every host in the order of their times, and new ones as they come."""

from __future__ import annotations

import math
import queue
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from datetime import datetime
from typing import Any, Final

from fraisier import FraisierError, Progress, TargetError

from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.host import Host

_POLL: Final = 0.5


def read(fleet: Fleet, lines: int, follow: bool, since: datetime | None) -> Iterator[str]:
    """Give the last lines, or with `follow` every line as it comes, until the caller stops asking.

    Args:
        fleet: the hosts.
        lines: how many of them in all; to follow begins with so many of each host.
        follow: whether to go on.
        since: the moment to begin with.
    """
    begin = f"@{math.floor(since.timestamp())}" if since else ""
    values = {"count": lines, "since": begin, "follow": follow}
    return _followed(fleet, values) if follow else _last(fleet, values, lines)


def _last(fleet: Fleet, values: dict[str, Any], count: int) -> Iterator[str]:
    def last(host: Host) -> list[str]:
        heard: list[str] = []
        found = host.look("log", values, _Heard(heard.append))
        if found.exit_code != 0:
            user = ["--user"] if fleet.options.user_unit else []
            hint = f"on the host: {shlex.join(['journalctl', *user, '-u', fleet.options.unit])}"
            raise TargetError(f"the journal of {host.name} cannot be read", hint=hint, log=heard)
        return heard

    away: dict[str, FraisierError] = {}
    found = fleet.on_each(fleet.hosts, last, away)
    many = len(fleet.hosts) > 1
    told = [(moment, name, line) for name, heard in found.items() for moment, line in _timed(heard)]
    chosen = sorted(told, key=lambda each: each[0]) if many else told
    yield from (f"{name} | {line}" if many else line for _, name, line in chosen[-count:] if count)
    for error in away.values():
        raise error


def _timed(lines: list[str]) -> Iterator[tuple[float, str]]:
    """Give each line with its moment, with which it begins; the hosts may be in several time zones.

    What has none goes on with the entry before it.
    """
    moment = -math.inf
    for line in lines:
        with suppress(ValueError):
            moment = datetime.fromisoformat(line.partition(" ")[0]).timestamp()
        yield moment, line


def _followed(fleet: Fleet, values: dict[str, Any]) -> Iterator[str]:
    """Give what comes from any host; one that is away is told in a line, and hides no other."""
    heard: queue.Queue[tuple[Host, str | BaseException]] = queue.Queue(maxsize=1000)

    def listen(host: Host) -> None:
        try:
            host.follow("log", values, _Heard(lambda line: heard.put((host, line))))
        except BaseException as error:  # noqa: BLE001 - handed to the reader
            heard.put((host, error))

    for host in fleet.hosts:
        threading.Thread(target=listen, args=(host,), daemon=True).start()
    many, left = len(fleet.hosts) > 1, len(fleet.hosts)
    try:
        while True:
            try:
                host, said = heard.get(timeout=_POLL)
            except queue.Empty:
                continue
            if isinstance(said, BaseException):
                left -= 1
                if not left or not isinstance(said, FraisierError):
                    raise said
            yield f"{host.name} | {said}" if many else str(said)
    finally:
        for host in fleet.hosts:
            host.close()


class _Heard(Progress):
    """Hands every line on as it comes."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take

    def step(self, name: str) -> Any:
        return nullcontext()

    def line(self, text: str) -> None:
        self._take(text)

    def advance(self, done: float, total: float) -> None:
        return

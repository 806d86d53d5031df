"""The logs of the service's containers: each line after the container that wrote it, where there are several."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from fraisier import Unsupported

from fraisier_compose.containers import Container
from fraisier_compose.docker import Docker

_UNREADABLE: Final = "does not support reading"
# docker logs adds the time to each line: the only order there is between two streams, and between two containers.
_Dated = tuple[str, str]


def read(docker: Docker, containers: Sequence[Container], lines: int, since: datetime | None = None) -> list[str]:
    """Return the last lines of several containers, in the order in which they were written."""
    return [line for _, line in _last(docker, containers, lines, since)]


def follow(docker: Docker, containers: Sequence[Container], lines: int, since: datetime | None) -> Iterator[str]:
    """Give the last lines, and go on with new ones for as long as the containers run."""
    # Without any line wanted, one is asked for all the same: it tells where what is new begins.
    before = _last(docker, containers, max(lines, 1), since)
    yield from (line for _, line in before if lines)
    after = ["--since", _just_after(before[-1][0])] if before else _since(since)
    prefixes = _prefixes(containers)
    commands = {each.id: ["logs", "--follow", "--timestamps", *after, each.id] for each in containers}
    for name, line in docker.follow(commands):
        yield prefixes[name] + line.partition(" ")[2]


def _last(docker: Docker, containers: Sequence[Container], lines: int, since: datetime | None) -> list[_Dated]:
    prefixes = _prefixes(containers)
    if not lines:
        return []
    found = [
        [(time, prefixes[each.id] + line) for time, line in _of(docker, each, lines, since)] for each in containers
    ]
    return list(heapq.merge(*found, key=lambda dated: dated[0]))[-lines:]


def _of(docker: Docker, container: Container, lines: int, since: datetime | None) -> list[_Dated]:
    told = docker.try_engine("logs", "--timestamps", "--tail", str(lines), *_since(since), container.id)
    if _UNREADABLE in told.stderr:
        raise Unsupported(f"the log of {container.title} goes elsewhere: {told.stderr.strip()}")
    dated = [line.partition(" ")[::2] for line in [*told.text.splitlines(), *told.stderr.splitlines()]]
    return sorted(dated, key=lambda each: each[0])


def _since(since: datetime | None) -> list[str]:
    return [] if since is None else ["--since", since.isoformat()]


def _prefixes(containers: Sequence[Container]) -> dict[str, str]:
    many = len(containers) > 1
    return {each.id: f"{each.short_title} | " if many else "" for each in containers}


def _just_after(time: str) -> str:
    """Return a time one nanosecond later, as docker writes it."""
    seconds, _, fraction = time.removesuffix("Z").partition(".")
    return f"{seconds}.{int(fraction or '0') + 1:09d}Z" if fraction != "999999999" else time

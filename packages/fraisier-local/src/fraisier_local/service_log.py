"""The service's log: its last lines, new lines as they come, and its rotation."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROTATE_AT: Final = 1024 * 1024
"""Bytes above which a deployment rotates the log."""
KEPT: Final = 5
"""How many rotated logs are kept: `service.log.1` is the newest."""
LARGEST: Final = 8 * ROTATE_AT
"""Bytes of one rotated log: what is older is dropped."""

_BLOCK: Final = 64 * 1024
_LONGEST_TAIL: Final = 64 * 1024 * 1024
_LONGEST_LINE: Final = 1024 * 1024
_POLL: Final = 0.2


def rotate(log: Path) -> None:
    """Move a large log's content to `.1`, older ones further on.

    The content is copied and the file emptied, since the service goes on writing into the open file; it was
    opened for appending, so it writes at the new end. A line written between the two moments is lost.
    """
    if not log.exists() or log.stat().st_size <= ROTATE_AT:
        return
    for number in range(KEPT - 1, 0, -1):
        if rotated(log, number).exists():
            rotated(log, number).replace(rotated(log, number + 1))
    with log.open("r+b") as source, rotated(log, 1).open("wb") as copy:
        source.seek(max(0, log.stat().st_size - LARGEST))
        shutil.copyfileobj(source, copy)
        source.truncate(0)


def rotated(log: Path, number: int) -> Path:
    """Return the path of a rotated log."""
    return log.with_name(f"{log.name}.{number}")


def read(log: Path, lines: int, follow: bool) -> Iterator[str]:
    """Give the last lines, and with `follow` every line after them until the caller stops asking."""
    end = log.stat().st_size if log.exists() else 0
    yield from _last(log, lines, end)
    if follow:
        yield from _new(log, end)


def _last(log: Path, lines: int, end: int) -> list[str]:
    """Return the last lines before `end`, and those of the rotated logs as far as they are needed."""
    found = _tail(log, lines, end)
    for number in range(1, KEPT + 1):
        if len(found) >= lines or not rotated(log, number).exists():
            break
        older = rotated(log, number)
        found = _tail(older, lines - len(found), older.stat().st_size) + found
    return found


def _tail(path: Path, lines: int, end: int) -> list[str]:
    """Read blocks from the end backwards until there are enough lines."""
    if lines <= 0 or end == 0:
        return []
    blocks: deque[bytes] = deque()
    seen, position = 0, end
    with path.open("rb") as file:
        while position > 0 and seen <= lines and end - position < _LONGEST_TAIL:
            size = min(_BLOCK, position)
            position -= size
            file.seek(position)
            blocks.appendleft(file.read(size))
            seen += blocks[0].count(b"\n")
    text = b"".join(blocks)
    return [_decoded(line) for line in text.removesuffix(b"\n").split(b"\n")[-lines:]] if text else []


def _new(log: Path, position: int) -> Iterator[str]:
    """Give lines as they are written from `position` on; a log that became shorter was rotated and starts anew."""
    pending = b""
    while True:
        size = log.stat().st_size if log.exists() else 0
        if size < position:
            if pending:
                yield _decoded(pending)
            position, pending = 0, b""
        if size == position:
            time.sleep(_POLL)
            continue
        with log.open("rb") as file:
            file.seek(position)
            chunk = file.read(_BLOCK)
        position += len(chunk)
        *lines, pending = (pending + chunk).split(b"\n")
        yield from map(_decoded, lines)
        if len(pending) > _LONGEST_LINE:
            yield _decoded(pending)
            pending = b""


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")

"""The log of a deployment: JSON in a text, each entry a piece of output, most of them hidden."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fraisier_coolify.resources import Row


def lines_of(row: Row, *, hidden: bool, seen: int = 0) -> tuple[list[str], int]:
    """Return the lines of a deployment's log, and how many entries it has.

    Where a piece ends in the middle of a line, nothing tells, so that its two halves come as two lines.

    Args:
        row: the deployment.
        hidden: with the entries that Coolify hides: its own commands, and the output of a build.
        seen: how many entries to leave out, which were there the last time.
    """
    found = _entries(row)
    return [line for entry in found[seen:] for line in _lines(entry, hidden)], max(seen, len(found))


def _lines(entry: Mapping[str, Any], hidden: bool) -> Iterator[str]:
    if entry.get("hidden") and not hidden:
        return
    if entry.get("hidden") and entry.get("command"):
        yield f"$ {' '.join(str(entry['command']).split())}"
    yield from (line.rstrip() for line in str(entry.get("output") or "").splitlines() if line.strip())


def _entries(row: Row) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(row.logs or "[]")
    except ValueError:
        return []
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []

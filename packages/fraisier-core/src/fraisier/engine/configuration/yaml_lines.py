"""On which line of a YAML file each part of it stands, also when an alias or a merge key brought it there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]

_MERGE = "<<"


class Lines:
    """The lines of a file's parts, by key path."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {(): 1}
        self.aliases: dict[KeyPath, KeyPath] = {}
        """Where an alias stands, and where the anchor stands that it names."""

    def of(self, path: KeyPath) -> int:
        """Return the line of a path, or of as much of the path as there is."""
        place: KeyPath = ()
        for step in path:
            found = self._below(place, step)
            if found is None:
                break
            place = found
        return self.lines[place]

    def _below(self, place: KeyPath, step: str | int) -> KeyPath | None:
        """Return where the file itself has what is reached by one step from a place."""
        place = self.aliases.get(place, place)
        own = (*place, step)
        if own in self.lines:
            return own
        merged = (*place, _MERGE)
        if merged not in self.lines:
            return None
        found = self._below(merged, step)
        index = 0
        while found is None and (*merged, index) in self.lines:
            found = self._below((*merged, index), step)
            index += 1
        return found


class _Open:
    """A mapping or list whose end has not come yet, and the key that waits for its value."""

    __slots__ = ("index", "is_mapping", "key", "path")

    def __init__(self, path: KeyPath, is_mapping: bool) -> None:
        self.path = path
        self.is_mapping = is_mapping
        self.key: str | None = None
        self.index = 0


def find_lines(events: Iterable[Any]) -> Lines:
    """Follow a parser's events, known here by name only; of two equal keys the first one counts."""
    found = Lines()
    anchors: dict[str, KeyPath] = {}
    stack: list[_Open] = []
    for event in events:
        kind = type(event).__name__
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            stack.pop()
        elif kind in ("ScalarEvent", "AliasEvent", "MappingStartEvent", "SequenceStartEvent"):
            inside = stack[-1] if stack else None
            line = event.start_mark.line + 1
            if inside is not None and inside.is_mapping and inside.key is None:
                inside.key = str(getattr(event, "value", event.anchor))
                found.lines.setdefault((*inside.path, inside.key), line)
                continue
            path = _next(found, inside, line)
            if kind == "AliasEvent":
                found.aliases[path] = anchors.get(event.anchor, path)
            elif event.anchor is not None:
                anchors[event.anchor] = path
            if kind.endswith("StartEvent"):
                stack.append(_Open(path, kind == "MappingStartEvent"))
    return found


def _next(found: Lines, inside: _Open | None, line: int) -> KeyPath:
    """Return the path of the value that comes next inside a mapping or list."""
    if inside is None:
        return ()
    if inside.is_mapping:
        path = (*inside.path, inside.key or "")
        inside.key = None
        return path
    path = (*inside.path, inside.index)
    inside.index += 1
    found.lines[path] = line
    return path

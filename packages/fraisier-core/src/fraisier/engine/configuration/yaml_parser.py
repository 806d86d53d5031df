"""All of the YAML that a `fraises.yaml` may hold: the only module that imports yaml, and only when it is needed.

What is read is a safe part of YAML 1.2: mappings, lists, text, numbers, true, false and null, with anchors,
aliases and merge keys. Keys are always text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml  # noqa: TID253
from yaml.events import (  # noqa: TID253
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from fraisier.contract.errors import ConfigError
from fraisier.engine.configuration.yaml_lines import KeyPath, Lines, find_lines
from fraisier.engine.configuration.yaml_scalars import (
    MAX_DEPTH,
    MAX_NODES,
    PERHAPS_NOT_TEXT,
    PLAIN,
    one_line,
    plain,
)

try:
    from yaml.cyaml import CParser as _Parser  # type: ignore[attr-defined]
except ImportError:  # PyYAML was built without libyaml; a small file is still read quickly enough
    from yaml import SafeLoader as _Parser  # type: ignore[assignment]

_TAGS: Final = "tag:yaml.org,2002:"
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}
_NOT_ALLOWED: Final = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""Compiled only when needed, which takes long."""
_MERGE: Final = "<<"


def parse(text: str, shown: str) -> Any:
    """Return the value that a text holds, or raise a ConfigError that says on which line it is wrong."""
    try:
        return _Builder(text, shown).build()
    except yaml.reader.ReaderError as error:
        found = re.search(_NOT_ALLOWED, text)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        what = f"the character {found[0]!r} is not allowed" if found else one_line(error.reason)
        raise ConfigError(f"{shown}:{line}: {what}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        # Newer versions of libyaml have a limit of their own, and meet it before we do.
        if "maximum nesting depth" in str(error.problem):
            raise ConfigError(f"{shown}:{line}: nested more than {MAX_DEPTH} levels deep") from None
        raise ConfigError(f"{shown}:{line}: not valid YAML: {_reason(error, text)}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{shown}:1: not valid YAML: {one_line(str(error))}") from None


def lines_of(text: str) -> Lines:
    """Return on which line each part of a text stands, as far as it is well formed."""
    return find_lines(_events(text))


def write(value: Any) -> str:
    """Return YAML that `parse` reads as the same value, without aliases."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _events(text: str) -> Iterator[Any]:
    return iter(_Parser(text).get_event, None)


def _reason(error: yaml.MarkedYAMLError, text: str) -> str:
    """Rewrite the parser's reason on one line, with what to do about the usual mistake."""
    said = one_line(" ".join(part for part in (error.context, error.problem) if part))
    wrong = error.problem_mark.line if error.problem_mark else 0
    line = "".join(text.split("\n")[wrong : wrong + 1])
    indent = line[: len(line) - len(line.lstrip())]
    return f"{said}; indent with spaces, not tabs" if "\t" in indent else said


class _Frame:
    """A mapping or list whose end has not come yet."""

    __slots__ = ("anchor", "height", "is_mapping", "items", "key", "start")

    def __init__(self, items: Any, anchor: str | None, start: int) -> None:
        self.items = items
        self.is_mapping = type(items) is dict
        self.key: str | None = None
        self.anchor = anchor
        self.start = start
        self.height = 0


class _Builder:
    """Builds the value from the parser's events, within bounds.

    PyYAML's own loader makes nodes first, then values: that takes four times as long, and it follows aliases
    without counting.
    """

    def __init__(self, text: str, shown: str) -> None:
        self.text = text
        self.shown = shown
        self.frames = [_Frame([], None, 0)]
        self.nodes = 0
        self.anchors: dict[str, tuple[Any, int, int]] = {}
        """Of each anchor: its value, how many nodes it holds, how deep it goes."""

    def build(self) -> Any:
        frame = self.frames[-1]
        for event in _events(self.text):
            kind = type(event)
            if kind is ScalarEvent:
                text = event.value
                if frame.is_mapping and frame.key is None:
                    self._key(frame, event, text)
                    continue
                if event.tag is not None:
                    text = self._tagged(event, text)
                elif not event.style and text[:1] in PERHAPS_NOT_TEXT:
                    text = plain(text)
                if event.anchor is not None:
                    self.anchors[event.anchor] = (text, 1, 0)
                self._add(frame, text, 1, event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                frame = self._open(event, {} if kind is MappingStartEvent else [])
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                frame = self._close(event)
            elif kind is AliasEvent:
                self._alias(frame, event)
            elif kind is DocumentStartEvent and frame.items:
                raise self._refuse(event, "a second document begins here; keep one document in the file")
        return frame.items[0] if frame.items else None

    def _key(self, frame: _Frame, event: Any, key: str) -> None:
        if event.tag is not None:
            self._tagged(event, key)
        if event.anchor is not None:
            self.anchors[event.anchor] = (key, 1, 0)
        if key in frame.items:
            first = lines_of(self.text).of((*self._path(), key))
            raise self._refuse(event, f"duplicate key {_quoted(key)}, first on line {first}")
        frame.key = key
        # Reserves the place: a key keeps the order in which it was written, and a second one is noticed.
        frame.items[key] = None

    def _add(self, frame: _Frame, value: Any, nodes: int, event: Any) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise self._refuse(event, f"more than {MAX_NODES} values, with aliases followed")
        if frame.is_mapping:
            frame.items[frame.key] = value
            frame.key = None
        else:
            frame.items.append(value)

    def _open(self, event: Any, items: Any) -> _Frame:
        frame = self.frames[-1]
        if frame.is_mapping and frame.key is None:
            raise self._refuse(event, "a key must be text, not a mapping or a list")
        if len(self.frames) > MAX_DEPTH:
            raise self._refuse(event, f"nested more than {MAX_DEPTH} levels deep")
        if event.tag not in (None, "!", _TAGS + ("map" if type(items) is dict else "seq")):
            raise self._refuse_tag(event)
        self.frames.append(_Frame(items, event.anchor, self.nodes))
        return self.frames[-1]

    def _close(self, event: Any) -> _Frame:
        ended = self.frames[-1]
        if ended.is_mapping and _MERGE in ended.items:
            ended.items = self._merged(ended.items)
        self.frames.pop()
        frame = self.frames[-1]
        if ended.anchor is not None:
            self.anchors[ended.anchor] = (ended.items, self.nodes - ended.start + 1, ended.height + 1)
        frame.height = max(frame.height, ended.height + 1)
        self._add(frame, ended.items, 1, event)
        return frame

    def _alias(self, frame: _Frame, event: Any) -> None:
        if any(each.anchor == event.anchor for each in self.frames):
            raise self._refuse(event, f"the alias *{event.anchor} holds itself")
        if event.anchor not in self.anchors:
            raise self._refuse(event, f"the alias *{event.anchor} has no anchor &{event.anchor} before it")
        if frame.is_mapping and frame.key is None:
            raise self._refuse(event, "an alias cannot be a key")
        value, nodes, height = self.anchors[event.anchor]
        if len(self.frames) + height > MAX_DEPTH:
            raise self._refuse(event, f"nested more than {MAX_DEPTH} levels deep, with aliases followed")
        frame.height = max(frame.height, height)
        self._add(frame, value, nodes, event)

    def _merged(self, items: dict[str, Any]) -> dict[str, Any]:
        """Put the mappings under `<<` below a mapping's own keys; of several, the first one wins."""
        given = items.pop(_MERGE)
        sources = given if isinstance(given, list) else [given]
        merged: dict[str, Any] = {}
        for source in reversed(sources):
            if not isinstance(source, dict):
                line = lines_of(self.text).of((*self._path(), _MERGE))
                raise ConfigError(f"{self.shown}:{line}: << must be given a mapping or a list of mappings")
            merged.update(source)
        merged.update(items)
        return merged

    def _tagged(self, event: Any, text: str) -> Any:
        name = event.tag.removeprefix(_TAGS)
        if event.tag == "!" or name == "str":
            return text
        value = plain(text)
        if name == event.tag or name not in _TYPES or not isinstance(value, _TYPES[name]):
            raise self._refuse_tag(event)
        return value

    def _path(self) -> KeyPath:
        return tuple(each.key if each.key is not None else len(each.items) for each in self.frames[1:-1])

    def _refuse_tag(self, event: Any) -> ConfigError:
        tag = event.tag.replace(_TAGS, "!!")
        return self._refuse(event, f"the tag {one_line(tag)} is not allowed here; write plain values")

    def _refuse(self, event: Any, what: str) -> ConfigError:
        return ConfigError(f"{self.shown}:{event.start_mark.line + 1}: {what}")


def _quoted(key: str) -> str:
    return f'"{one_line(key)}"'


class _Dumper(yaml.SafeDumper):
    """Writes what `read_yaml` reads: quotes also the texts that only YAML 1.2 takes for numbers."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", PLAIN, list("-+.0123456789"))

"""Reading `fraises.yaml`: its bytes, its value, and on which line each part of it stands."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from fraisier.contract.errors import ConfigError
from fraisier.engine.configuration.yaml_lines import KeyPath, Lines
from fraisier.engine.configuration.yaml_quick import NOT_PLAIN, parse_plain

MAX_BYTES: Final = 1024 * 1024


class Document:
    """What a file holds: `value`, and on which line each part of it stands."""

    def __init__(self, value: Any, text: str, shown: str) -> None:
        self.value = value
        self.shown = shown
        """The file's path, as messages show it."""
        self._text = text

    def line_of(self, path: KeyPath) -> int:
        """Return the line, from 1, of a key path, or of as much of the path as there is."""
        return self.lines.of(path)

    @cached_property
    def lines(self) -> Lines:
        """Find all lines; this takes longer than reading did and is only needed when something is wrong."""
        from fraisier.engine.configuration.yaml_parser import lines_of

        return lines_of(self._text)


def read_yaml(path: Path) -> Document:
    """Read a file, or raise a ConfigError that says on which line it is wrong."""
    shown = shown_path(path)
    text = _read_text(path, shown)
    value = parse_plain(text)
    if value is NOT_PLAIN:
        # PyYAML is slow to import and slow to read; most files do without it.
        from fraisier.engine.configuration.yaml_parser import parse

        value = parse(text, shown)
    if value is None:
        raise ConfigError(f"{shown}:1: the file is empty", hint="for an example, run: fraisier init")
    return Document(value, text, shown)


def shown_path(path: Path) -> str:
    """Return a path as a compiler would show it: from here when that is shorter, on one line."""
    full = str(path)
    try:
        relative = os.path.relpath(full)
    except (OSError, ValueError):
        relative = full
    short = min(relative, full, key=len)
    return short if short.isprintable() else repr(short)


def _read_text(path: Path, shown: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {shown}: {(error.strerror or str(error)).lower()}") from None
    except ValueError:
        raise ConfigError(f"cannot read {shown}: not a path") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{shown} is larger than 1 MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{shown}:{line}: not UTF-8 text; save the file as UTF-8") from None

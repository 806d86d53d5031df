"""What is wrong with a `fraises.yaml`: all findings, each with its line and key path, as one error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from fraisier.contract.errors import ConfigError
from fraisier.contract.options import OptionProblem, convert_options
from fraisier.engine.configuration.references import holds_reference, stand_in
from fraisier.engine.configuration.yaml_file import Document
from fraisier.engine.configuration.yaml_scalars import one_line

KeyPath: TypeAlias = tuple[str | int, ...]

_MOST: Final = 500
"""Nobody mends more at once, and looking for near names among thousands takes minutes."""
_MOST_UNKNOWN: Final = 50
_PLAIN_STEP = re.compile(r"[\w-][\w.-]{0,80}")


class Problems:
    """Collects findings; with too many it gives up at once and tells those that it has."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: list[tuple[KeyPath, str]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: KeyPath, message: str) -> None:
        """Note one finding at a key path."""
        self._found.append((path, message))
        if len(self._found) >= _MOST:
            self.raise_any()

    def add_all(self, path: KeyPath, problems: Iterable[OptionProblem]) -> None:
        """Note what is wrong below a key path."""
        for problem in problems:
            self.add((*path, *problem.path), problem.message)

    def sentences(self) -> list[str]:
        """Return the findings in the order of their lines: `fraises.yaml:14: key.path: what`."""
        shown, line_of = self._document.shown, self._document.line_of
        in_order = sorted((line_of(path), shown_keys(path), message) for path, message in self._found)
        return [f"{shown}:{line}: {keys}{_printable(message)}" for line, keys, message in dict.fromkeys(in_order)]

    def raise_any(self) -> None:
        """Raise a ConfigError if there is a finding."""
        sentences = self.sentences() if self._found else []
        if len(sentences) == 1:
            raise ConfigError(sentences[0], problems=sentences)
        if sentences:
            first = "the first " if len(self._found) >= _MOST else ""
            raise ConfigError(f"{first}{len(sentences)} problems in {self._document.shown}", problems=sentences)


def shown_keys(path: KeyPath) -> str:
    """Return a key path as a message begins with it: `fraises.my_api.build[0]: `."""
    shown = ""
    for step in path:
        if isinstance(step, int):
            shown += f"[{step}]"
            continue
        plain = _PLAIN_STEP.fullmatch(step) is not None and step.isprintable()
        shown += f"{'.' if shown else ''}{step if plain else json.dumps(step[:80])}"
    return f"{shown}: " if shown else ""


def _printable(message: str) -> str:
    """Return a message without line ends and control characters, which a command's errors may bring in."""
    return message if message.isprintable() else one_line(message)


def wrong_options(raw: Mapping[str, Any], struct: type[msgspec.Struct]) -> list[OptionProblem]:
    """Return what is wrong with a mapping that a struct describes, as far as is known without its references.

    Nearly every file has some, as variables of the service: what spans several keys is checked all the same.
    """
    fields = {field.encode_name for field in msgspec.structs.fields(struct)}
    unknown = [key for key in raw if key not in fields]
    left_out = set(unknown[_MOST_UNKNOWN:])
    looked_at = {key: value for key, value in raw.items() if key not in left_out} if left_out else raw
    unresolved = [key for key, value in looked_at.items() if holds_reference(value)]
    known = {key: stand_in(value) if key in unresolved else value for key, value in looked_at.items()}
    return convert_options(known, struct, unresolved)[1]

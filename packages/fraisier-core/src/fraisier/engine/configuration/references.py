"""References from `fraises.yaml` to secrets: `${NAME}`, `${NAME:-default}`, `${file:PATH}`, `${cmd:COMMAND}`.

They are found when the file is read and looked up as late as possible. `$${` stands for a literal `${`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fraisier.contract.options import OptionProblem
from fraisier.contract.secret import Secret
from fraisier.engine.configuration.reference_sources import SourceError, read_command, read_file

if TYPE_CHECKING:
    from fraisier.engine.configuration.redaction import Redactor

KeyPath = tuple[str | int, ...]

_NAME = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)
_FORMS = "${NAME}, ${NAME:-default}, ${file:PATH} or ${cmd:COMMAND}, and $${ for a literal ${"


class Piece(NamedTuple):
    """One `${...}` within a text."""

    kind: Literal["name", "file", "cmd"]
    body: str
    """The variable's name, the file's path, the command."""
    default: str | None = None


class Reference:
    """A text with references in it that nobody has looked up yet; what it shows is what the file says."""

    __slots__ = ("pieces", "text")

    def __init__(self, text: str, pieces: tuple[str | Piece, ...]) -> None:
        self.text = text
        self.pieces = pieces
        """Literal texts and references, in order."""

    def __repr__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and other.text == self.text

    def __hash__(self) -> int:
        return hash((Reference, self.text))


def parse_references(value: Any, problems: list[OptionProblem], path: KeyPath = ()) -> Any:
    """Return a value with every text that holds references made a `Reference`; add what is malformed."""
    if not _mentions(value):
        return value
    if isinstance(value, str):
        return _parse_text(value, problems, path)
    if isinstance(value, dict):
        return {key: parse_references(each, problems, (*path, key)) for key, each in value.items()}
    return [parse_references(each, problems, (*path, index)) for index, each in enumerate(value)]


def holds_reference(value: Any) -> bool:
    """Tell whether there is a `Reference` anywhere in a value."""
    if isinstance(value, Mapping):
        return any(holds_reference(each) for each in value.values())
    if isinstance(value, list):
        return any(holds_reference(each) for each in value)
    return isinstance(value, Reference)


def stand_in(value: Any) -> Any:
    """Return a value in which each `Reference` beneath it is a `Secret` with the reference as its text.

    A value that is itself a `Reference` stays one: what spans several keys may be about just this text.
    """
    return _stand_in(value) if isinstance(value, Mapping | list) else value


def _stand_in(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _stand_in(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_stand_in(each) for each in value]
    return Secret(value.text, reference=value.text) if isinstance(value, Reference) else value


def resolve(
    value: Any,
    *,
    folder: Path,
    environ: Mapping[str, str],
    redactor: Redactor,
    problems: list[OptionProblem],
) -> Any:
    """Return a value with every `Reference` looked up and made a `Secret`; add what cannot be found.

    The redactor learns whatever is found. A command that is written several times is run once.
    """
    lookup = _Lookup(folder, environ, redactor)
    resolved = _resolve(value, lookup, problems, ())
    # A secret that was found late may stand in the message of a command that failed early.
    problems[:] = [OptionProblem(each.path, redactor(each.message)) for each in problems]
    return resolved


def _mentions(value: Any) -> bool:
    """Tell whether there is a `${` anywhere; nearly all of a file has none and is left as it is."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, dict):
        return any(map(_mentions, value.values()))
    return isinstance(value, list) and any(map(_mentions, value))


def _parse_text(text: str, problems: list[OptionProblem], path: KeyPath) -> Any:
    try:
        pieces = tuple(_pieces(text))
    except ValueError as error:
        problems.append(OptionProblem(path, str(error)))
        return text
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(str(piece) for piece in pieces)
    return Reference(text, pieces)


def _pieces(text: str) -> Iterator[str | Piece]:
    start = 0
    while (found := text.find("${", start)) >= 0:
        if text[found - 1 : found] == "$" and found > start:
            yield text[start : found - 1] + "${"
            start = found + 2
            continue
        if found > start:
            yield text[start:found]
        end = _closing_brace(text, found + 2)
        yield _piece(text[found + 2 : end])
        start = end + 1
    if start < len(text):
        yield text[start:]


def _closing_brace(text: str, start: int) -> int:
    """Return where a reference ends; a command may hold braces of its own, in pairs."""
    depth = 1
    for match in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    raise ValueError(f"{_short(text[start - 2 :])} has no closing brace; $${{ stands for a literal ${{")


def _piece(body: str) -> Piece:
    for kind in ("file", "cmd"):
        if body.startswith(f"{kind}:"):
            rest = body.removeprefix(f"{kind}:").strip()
            if not rest or "\0" in rest:
                raise ValueError(f"${{{kind}:}} is given nothing; write {_FORMS}")
            return Piece("file" if kind == "file" else "cmd", rest)
    match = _NAME.fullmatch(body)
    if match is None:
        raise ValueError(f"{_short('${' + body + '}')} is not a reference; write {_FORMS}")
    if "${" in (match["default"] or ""):
        raise ValueError(f"the default of ${{{match['name']}}} holds a reference, which it cannot")
    return Piece("name", match["name"], match["default"])


def _short(text: str) -> str:
    one_line = "".join(each if each.isprintable() else " " for each in text[:41])
    return one_line if len(text) <= 40 else f"{one_line[:40]}..."


class _Lookup:
    """Looks references up, each command once, and tells the redactor."""

    def __init__(self, folder: Path, environ: Mapping[str, str], redactor: Redactor) -> None:
        self.folder = folder
        self.environ = environ
        self.redactor = redactor
        self.told: dict[str, str | SourceError] = {}
        """By command: what it printed, or how it failed."""

    def text(self, piece: Piece) -> str:
        """Return what one reference stands for, or raise SourceError."""
        if piece.kind == "name":
            found = self._variable(piece)
        elif piece.kind == "file":
            found = read_file(self.folder, piece.body)
        else:
            found = self._command(piece.body)
        self.redactor.add(found)
        return found

    def _variable(self, piece: Piece) -> str:
        found = self.environ.get(piece.body, "")
        if found:
            return found
        if piece.default is not None:
            return piece.default
        state = "empty" if piece.body in self.environ else "not set"
        raise SourceError(
            f"{piece.body} is {state} in the environment; set it, or give a default: ${{{piece.body}:-...}}"
        )

    def _command(self, command: str) -> str:
        if command not in self.told:
            try:
                self.told[command] = read_command(self.folder, command, self.environ)
            except SourceError as error:
                self.told[command] = error
        told = self.told[command]
        if isinstance(told, SourceError):
            raise told
        return told


def _resolve(value: Any, lookup: _Lookup, problems: list[OptionProblem], path: KeyPath) -> Any:
    if isinstance(value, Mapping):
        return {key: _resolve(each, lookup, problems, (*path, key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolve(each, lookup, problems, (*path, index)) for index, each in enumerate(value)]
    if not isinstance(value, Reference):
        return value
    texts: list[str] = []
    for piece in value.pieces:
        try:
            texts.append(piece if isinstance(piece, str) else lookup.text(piece))
        except SourceError as error:
            problems.append(OptionProblem(path, str(error)))
    return Secret("".join(texts), reference=value.text)

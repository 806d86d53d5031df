"""How answers look: documents as JSON or as aligned columns on stdout, everything else on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from fraisier.contract.errors import FraisierError
    from fraisier.contract.models import Deployment


def print_json(document: Any) -> None:
    """Print one JSON document."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    _write(sys.stdout, text.decode() + "\n")


def print_text(text: str) -> bool:
    """Print an answer for a person, and tell whether anybody still reads it."""
    return _write(sys.stdout, text + "\n")


def say(text: str) -> None:
    """Print on stderr; where nobody can see it any more (a closed terminal, a full disk), the work goes on."""
    with suppress(OSError):
        _write(sys.stderr, text + "\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]], nothing: str) -> None:
    """Print aligned columns, or a sentence where there is nothing to show."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        print_text(nothing)
        return
    table = [[heading.upper() for heading in headings], *cells]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    for row in table:
        print_text("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_error(error: FraisierError) -> None:
    """Print an error's one line on stderr, then its findings and its log where there are any."""
    lines = [f"fraisier: {printable(str(error))}"]
    findings = [problem for problem in error.problems if problem != error.message]
    lines += [f"  {printable(problem)}" for problem in findings]
    if error.command:
        lines.append(f"  the command was: {error.command}")
    if error.log:
        lines.append(f"  the last {len(error.log)} lines of its log:" if len(error.log) > 1 else "  its log:")
        lines += [f"  | {line}" for line in error.log]
    say("\n".join(lines))


def error_json(error: FraisierError) -> Any:
    """Return the document of a failure: the deployment's own record where there is one, else the error alone."""
    from fraisier.engine.attempt import error_document

    return error.deployment if error.deployment is not None else {"error": error_document(error)}


def deployment_sentence(done: Deployment) -> str:
    """Return the verdict on a deployment that ended well."""
    from fraisier.engine.attempt import shown

    what, seconds = shown(done.version, done.revision), f"{done.duration_seconds or 0.0:.1f} s"
    name = f"{done.fraise} {done.environment}"
    if done.status == "unchanged":
        return f"{name}: already at {what}, nothing done ({seconds})"
    was = f", was {shown(done.previous_version, done.previous_revision)}" if done.previous_revision else ""
    verb = "rolled back to" if done.kind == "rollback" else "deployed"
    return f"{name}: {verb} {what} with {done.provider} in {seconds}{was}"


def moment(value: datetime | None) -> str:
    """Return a time as people read it, in UTC."""
    return "-" if value is None else f"{value:%Y-%m-%d %H:%M:%S}Z"


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return moment(value)
    return printable(str(value))


def printable(text: str) -> str:
    """Return a text in which no line end or control character can tear a table, or a message of one line."""
    return "".join(character if character.isprintable() else " " for character in text)


def _write(stream: TextIO | None, text: str) -> bool:
    """Write at once, and tell whether anybody reads: `head` and `less` leave when they have seen enough."""
    if stream is None:
        # Whoever started us closed it (`>&-`).
        return False
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # Python tries what is left once more when it ends, and would complain.
        with Path(os.devnull).open("w", encoding="utf-8") as nothing:
            os.dup2(nothing.fileno(), stream.fileno())
        return False
    return True

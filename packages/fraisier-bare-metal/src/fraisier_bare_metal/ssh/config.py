"""The SSH configuration as `ssh` reads it, written so that Paramiko takes it the same way."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Final, NamedTuple

from fraisier import TargetError

from fraisier_bare_metal.ssh.tokens import expanded

_USER: Final = "~/.ssh/config"
_SYSTEM: Final = "/etc/ssh/ssh_config"
_DEEPEST: Final = 16
_LINE: Final = re.compile(r"(\w+)(?:\s*=\s*|\s+)(.+)")
_ODD: Final = re.compile(r"""[\\"'#]""")
_COMMANDS: Final = {"proxycommand", "proxyjump", "localcommand", "remotecommand", "knownhostscommand"}
"""Keywords whose value is the rest of the line as it stands, comment signs and quotes included."""
_LISTS: Final = {"userknownhostsfile", "globalknownhostsfile"}
"""Keywords of several paths, which are kept apart by the rules of a shell."""
_CRITERIA: Final = {"host", "originalhost", "user", "localuser", "exec"}
_CRITERIA_ALONE: Final = {"all", "canonical", "final"}


class _Criterion(NamedTuple):
    """One condition of a `Match`, such as `host a,b`; `Host a b` is `originalhost a,b`."""

    kind: str
    value: str | None = None


_Block = tuple[_Criterion, ...]
"""What has to hold, all of it, for lines to count."""


def read_ssh_config(user: str = _USER, system: str = _SYSTEM) -> str:
    """Return what both files say, as one text without `Include`; the first value of a keyword counts.

    A file that makes no sense is a TargetError that says where.
    """
    text = _Text()
    for path in (user, system):
        file = Path(path).expanduser()
        text.add(file, (), file.parent, 0)
    return "\n".join(text.lines)


class _Text:
    """Grows by file after file, in the order in which `ssh` comes across their lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, file: Path, outer: _Block, folder: Path, depth: int) -> None:
        """Append a file whose lines only count where an outer block does."""
        if depth > _DEEPEST:
            said = f"{file}: Include goes more than {_DEEPEST} files deep"
            raise TargetError(said, hint="look for a file that includes itself")
        block: _Block | None = outer
        self._begin(outer)
        for number, line in enumerate(_content(file, depth).split("\n"), 1):
            if not (line := line.strip()) or line.startswith("#"):
                continue
            try:
                keyword, value = _split(line)
                if keyword in ("host", "match"):
                    # Blocks end where the next one begins; what is around an included file stays around it.
                    own = _of_host(value) if keyword == "host" else _of_match(value)
                    block = None if own is None else outer + own
                    self._begin(block)
                elif block is not None and keyword == "include":
                    for included in _included(value, folder):
                        self.add(included, block, folder, depth + 1)
                    self._begin(block)
                elif block is not None:
                    self.lines.append(f"{keyword} {_plain(keyword, value)}")
            except ValueError as error:
                said = f"{file}, line {number}: {error}"
                raise TargetError(said, hint="correct it, and try: ssh -G HOST") from error

    def _begin(self, block: _Block | None) -> None:
        if block is not None:
            self.lines.append(_header(block))


def _content(file: Path, depth: int) -> str:
    """Return a file's text, nothing if it is not there."""
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        # `ssh` does without its two files when it cannot read them, but insists on one that is named.
        if depth == 0 or isinstance(error, FileNotFoundError | IsADirectoryError):
            return ""
        said = f"{file} cannot be read: {(error.strerror or str(error)).lower()}"
        raise TargetError(said, hint="your SSH configuration includes it") from error


def _included(value: str, folder: Path) -> Iterator[Path]:
    for word in _words(value):
        found = glob(str(folder / expanded(word)))  # noqa: PTH207 - Path.glob takes no absolute patterns
        yield from map(Path, sorted(found))


def _split(line: str) -> tuple[str, str]:
    found = _LINE.match(line)
    if found is None:
        raise ValueError(f"expected a keyword and a value: {line}")
    return found[1].lower(), found[2]


def _plain(keyword: str, value: str) -> str:
    """Return a value without its quotes and comment, which Paramiko would leave in most places."""
    if keyword == "proxycommand" and value.lower() != "none":
        # As `ssh` has it. Also, Paramiko takes away quotes at the beginning and the end of what it reads.
        return f"exec {value}"
    if keyword in _COMMANDS:
        return value
    words = _words(value)
    return (shlex.join(words) if keyword in _LISTS else " ".join(words)) or '""'


def _of_host(value: str) -> _Block:
    return (_Criterion("originalhost", ",".join(_words(value))),)


def _of_match(value: str) -> _Block | None:
    """Return the criteria of a `Match`, or None for those that are never met.

    Paramiko takes one that it does not know, or that has a capital, as met. It knows neither networks nor tags:
    nothing is taken to be in the one or to have the other.
    """
    found: list[_Criterion] = []
    met = True
    words = _words(value)
    while words:
        word, equals, given = words.pop(0).partition("=")
        kind, negated = word.lower().removeprefix("!"), word.startswith("!")
        if kind in _CRITERIA_ALONE:
            criterion = _Criterion(kind)
        elif equals or words:
            criterion = _Criterion(kind, given if equals else words.pop(0))
        else:
            raise ValueError(f"expected a value after Match {word}")
        if kind in _CRITERIA or kind in ("canonical", "final"):
            found.append(criterion._replace(kind=f"!{kind}" if negated else kind))
        else:
            met = met and (kind == "all") != negated
    return tuple(found) if met else None


def _header(block: _Block) -> str:
    """Return the line that begins a block; where that can be said, `Host`, which is looked up faster."""
    if not block:
        return "Host *"
    if len(block) == 1 and block[0].kind == "originalhost" and block[0].value is not None:
        return f"Host {' '.join(map(shlex.quote, block[0].value.split(',')))}"
    said = (kind if value is None else f"{kind} {shlex.quote(value)}" for kind, value in block)
    return f"Match {' '.join(said)}"


def _words(text: str) -> list[str]:
    """Split a value as `ssh` does: at blanks outside of quotes, up to a word that begins with a comment sign."""
    if not _ODD.search(text):
        return text.split()
    words: list[str] = []
    word: str | None = None
    quote = ""
    signs = iter(enumerate(text))
    for place, sign in signs:
        following = text[place + 1 : place + 2]
        if sign == "\\" and following and (following in "\"'\\" or (following == " " and not quote)):
            word = (word or "") + next(signs)[1]
        elif sign == quote:
            quote = ""
        elif quote:
            word = (word or "") + sign
        elif sign in "\"'":
            word, quote = word or "", sign
        elif sign.isspace():
            words += [] if word is None else [word]
            word = None
        elif sign == "#" and word is None:
            break
        else:
            word = (word or "") + sign
    if quote:
        raise ValueError(f"unmatched quotation mark: {text}")
    return words + ([] if word is None else [word])

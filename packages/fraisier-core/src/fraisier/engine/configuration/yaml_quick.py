"""The plain part of YAML that most `fraises.yaml` are written in, read several times as fast as by a YAML parser.

Plain are block mappings with ordinary keys, lists of single values, and values on one line: unquoted, quoted
without escapes, or a flow mapping or list of such. Whatever is not surely plain is left to the parser, and so are
all mistakes; a test compares the two.
"""

from __future__ import annotations

import re
from typing import Any, Final

from fraisier.engine.configuration.yaml_scalars import MAX_DEPTH, MAX_NODES, PERHAPS_NOT_TEXT, plain

NOT_PLAIN: Final = object()
"""Says that a text is not plain, or not right."""

# Excluding characters compiles at once, where allowing those of all alphabets takes longer than reading the file.
_ANY = r"[^\x00-\x1f\x7f]"
_NO_COLON_OR_HASH = r"[^\x00-\x1f\x7f:#]"
_KEY = r"[A-Za-z_][A-Za-z0-9_.-]{0,99}+"
_QUOTED = r"""(?:"[^\x00-\x1f\x7f"\\]*+"|'[^\x00-\x1f\x7f']*+')"""
_FIRST = r"(?:[A-Za-z0-9_/.$~+]|-(?=[A-Za-z0-9_/.]))"
# Characters are repeated possessively, so that a long line takes no longer than its length. Groups are not:
# before Python 3.11.5 that matches wrongly (gh-106052), and Debian 12 has 3.11.2.
_UNQUOTED = rf"{_FIRST}{_NO_COLON_OR_HASH}*+(?:(?::(?=[!-~])|(?<=[!-~])\#){_NO_COLON_OR_HASH}*+)*"
_FLOW_TEXT = r"[A-Za-z0-9_ /.$@=+-]*+"
_IN_FLOW = rf"(?:{_FIRST}{_FLOW_TEXT}(?::(?=[A-Za-z0-9_/]){_FLOW_TEXT})*|{_QUOTED} *+)"
_PAIR = rf"{_KEY}: ++{_IN_FLOW}"
_FLOW = rf"\{{ *+(?:{_PAIR}(?:, *+{_PAIR})*)?\}}|\[ *+(?:{_IN_FLOW}(?:, *+{_IN_FLOW})*)?\]"

_line = re.compile(
    rf"^( *+)(?:(?:({_KEY}):|(-))(?: ++({_UNQUOTED}|{_QUOTED}|{_FLOW}))?)? *+(?:(?<![^ \n])\#{_ANY}*+)?\n",
    re.MULTILINE,
)
_pair = re.compile(rf"({_KEY}): ++({_IN_FLOW})")
_in_flow = re.compile(_IN_FLOW)
_ODD: Final = "".join(map(chr, range(0x80, 0xA1))) + "\u2028\u2029\ufeff\ufffe\uffff"
"""Line ends and the like beyond ASCII."""
_NOT_ONLY_TEXT: Final = PERHAPS_NOT_TEXT + "{[\"'"


class _NotPlainError(Exception):
    """The text has something that only the parser understands."""


def parse_plain(text: str) -> Any:
    """Return the value that a plain text holds, or NOT_PLAIN."""
    if not text.isascii() and any(odd in text for odd in _ODD):
        return NOT_PLAIN
    text = text if text.endswith("\n") else text + "\n"
    start = 4 if text.startswith("---\n") else 0
    lines = _line.findall(text, start)
    # Each match is one whole line, so that equal numbers mean that every line was understood.
    if len(lines) != text.count("\n", start):
        return NOT_PLAIN
    try:
        return _Plain().build(lines)
    except _NotPlainError:
        return NOT_PLAIN


class _Plain:
    """Builds the value of plain lines; a mapping or list ends where a line is indented less."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        self.items: Any = self.root
        """The mapping or list that the last line belongs to."""
        self.indent = 0
        self.above: list[tuple[Any, int]] = []
        """What holds it, and how far that is indented."""
        self.nodes = 0

    def build(self, lines: list[tuple[str, str, str, str]]) -> Any:
        waiting: str | None = None
        for spaces, key, dash, text in lines:
            if not key:
                if dash:
                    self._item(len(spaces), waiting, text)
                    waiting = None
                continue
            indent = len(spaces)
            if waiting is not None and indent > self.indent:
                self._enter({}, waiting, indent)
            elif indent != self.indent or type(self.items) is list:
                self._leave(indent, dict)
            if key in self.items:
                raise _NotPlainError
            if text:
                waiting = None
                self.items[key] = self._value(text) if text[0] in _NOT_ONLY_TEXT else text.rstrip(" ")
            else:
                waiting = key
                self.items[key] = None
        if self.nodes + len(lines) > MAX_NODES or not self.root:
            raise _NotPlainError
        return self.root

    def _item(self, indent: int, waiting: str | None, text: str) -> None:
        """Add an item to a list, whose items may be indented no more than its key."""
        if waiting is not None and indent >= self.indent:
            self._enter([], waiting, indent)
        elif indent != self.indent or type(self.items) is dict:
            self._leave(indent, list)
        if not text:
            raise _NotPlainError
        self.items.append(self._value(text))

    def _enter(self, items: Any, waiting: str, indent: int) -> None:
        self.nodes += 1
        self.items[waiting] = items
        self.above.append((self.items, self.indent))
        self.items, self.indent = items, indent
        if len(self.above) >= MAX_DEPTH:
            raise _NotPlainError

    def _leave(self, indent: int, wanted: type) -> None:
        """Go back to the mapping or list that a line belongs to."""
        while self.indent > indent or (self.indent == indent and type(self.items) is not wanted):
            if not self.above:
                raise _NotPlainError
            self.items, self.indent = self.above.pop()
        if self.indent != indent:
            raise _NotPlainError

    def _value(self, text: str) -> Any:
        first = text[0]
        if first == "{":
            pairs = _pair.findall(text)
            value = {key: self._value(each) for key, each in pairs}
            if len(value) != len(pairs):
                raise _NotPlainError
            self.nodes += len(pairs)
            return value
        if first == "[":
            items = [self._value(each) for each in _in_flow.findall(text, 1)]
            self.nodes += len(items)
            return items
        text = text.rstrip(" ")
        if first in "\"'":
            return text[1:-1]
        return plain(text) if first in PERHAPS_NOT_TEXT else text

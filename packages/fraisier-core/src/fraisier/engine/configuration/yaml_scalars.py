"""What an unquoted text in a YAML file stands for: text, number, true, false or null, as in YAML 1.2."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

MAX_NODES: Final = 250_000
"""How many values a file may hold once its aliases are followed."""
MAX_DEPTH: Final = 64
PLAIN = re.compile(
    r"""(?P<null>|~|null|Null|NULL)
      | (?P<true>true|True|TRUE)
      | (?P<false>false|False|FALSE)
      | (?P<int>[-+]?(?:0|[1-9][0-9]{0,17}))
      | (?P<based>0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15})
      | (?P<float>[-+]?(?:\.[0-9]{1,30}|(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{0,30})?)(?:[eE][-+]?[0-9]{1,2})?)""",
    re.VERBOSE,
)
PERHAPS_NOT_TEXT: Final = "~-+.0123456789nNtTfF"
"""What all that is not text begins with; checked first, since nearly all is text."""


@lru_cache(maxsize=4096)
def plain(text: str) -> Any:
    """Return what an unquoted text stands for, as in YAML 1.2.

    `yes`, `22:22` and dates are text, and so is `0755`, which is 493 in YAML 1.1 and 755 in 1.2; infinities and
    numbers that no option could mean are text as well.
    """
    match = PLAIN.fullmatch(text)
    if match is None:
        return text
    kind = match.lastgroup
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    if kind == "based":
        return int(text, 0)
    return {"true": True, "false": False}.get(kind or "")


def one_line(text: str) -> str:
    """Return a text as a message may quote it: on one line, without control characters, cut."""
    return " ".join("".join(each if each.isprintable() else " " for each in text[:400]).split())[:200]

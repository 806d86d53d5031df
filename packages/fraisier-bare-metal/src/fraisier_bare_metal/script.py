"""What is sent to the remote shell of a host: scripts with their values, and the agent that runs them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

_SCRIPTS: Final = files("fraisier_bare_metal") / "scripts"

_PLAIN: Final = set(range(0x20, 0x7F)) - set(b"\\'\"$`!")
"""The bytes that every shell takes as they are in quotes; in the place of others comes what printf %b reads."""
_HIDDEN: Final = ("git_user", "git_token", "exports", "environment", "command")
"""The values that may hold a secret."""


def agent(mark: str, *words: str) -> str:
    """Return the command that starts the agent, which begins its answers with the mark.

    Nobody knows which shell the user of that host has: all of them can read this line.

    Args:
        mark: what no other output holds.
        words: its first order, where there is one that everybody on the host may see.
    """
    first = shlex.join(["obey", *map(_escaped, words)]) if words else ""
    text = f"mark={mark}\nprelude={_quoted(_text('prelude'))}\nfirst={_quoted(first)}\n{_text('agent')}"
    coded = "".join(chr(each) if each in _PLAIN else f"\\0{each:03o}" for each in text.encode())
    return f'exec /bin/sh -c \'eval "$(printf %b "{coded}")"\''


def composed(names: str, values: Mapping[str, Any]) -> str:
    """Return one or several scripts with their variables as one.

    Args:
        names: of the files, without `.sh`, with a space between them.
        values: the variables; every one is quoted, a list becomes one line for each element.
    """
    given = "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())
    body = "".join(map(_text, names.split()))
    # As one compound command: the shell has read all of it before anything in it can read the input.
    return f'{{\n{given}eval "$fraisier_prelude"\n{body}\n}} </dev/null\n'


def hides(values: Mapping[str, Any]) -> bool:
    """Return whether there is a secret among the variables, which a command line would show."""
    return any(values.get(name) for name in _HIDDEN)


def order(*words: str) -> bytes:
    """Return the line that the agent reads as an order."""
    return ("\t".join(map(_escaped, words)) + "\n").encode()


def _escaped(word: str) -> str:
    """Return a word that parts no order, as printf %b reads it."""
    return word.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def _quoted(value: Any) -> str:
    """Return a value as one word of shell; nothing in it means anything there."""
    if isinstance(value, bool):
        return "yes" if value else "''"
    return shlex.quote("\n".join(value) if isinstance(value, list) else str(value))


@cache
def _text(name: str) -> str:
    """Return a script without what only a reader needs: a shell reads a pipe byte by byte."""
    lines = (_SCRIPTS / f"{name}.sh").read_text(encoding="utf-8").splitlines()
    return "\n".join(line.lstrip() for line in lines if not line.lstrip().startswith("#")) + "\n"

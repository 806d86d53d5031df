"""What is sent to the remote shell of a host: scripts with their values, and the agent that runs them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from fraisier import Secret

_SCRIPTS: Final = files("fraisier_bare_metal") / "scripts"
_PRELUDE: Final = ("settings", "talk", "service", "repository", "ledger", "releases", "tree")
"""What every script begins with, in this order."""
_WATCH: Final = 20
"""Seconds between two looks for a sign of life of the client; the third one in vain ends the agent."""
_TAKES: Final = "# Takes: "
_PLAIN: Final = set(range(0x20, 0x7F)) - set(b"\\'\"$`!")
"""The bytes that every shell takes as they are in quotes; in the place of others comes what printf %b reads."""


def agent(mark: str, *words: str) -> str:
    """Return the command that starts the agent, which begins its answers with the mark.

    Nobody knows which shell the user of that host has: all of them can read this line.

    Args:
        mark: what no other output holds.
        words: its first order, where there is one that everybody on the host may see.
    """
    prelude = "".join(_text(f"prelude/{name}") for name in _PRELUDE)
    first = shlex.join(["obey", *map(_escaped, words)]) if words else ""
    text = f"mark={mark}\nwatch={_WATCH}\nprelude={_quoted(prelude)}\nfirst={_quoted(first)}\n{_text('agent')}"
    coded = "".join(chr(each) if each in _PLAIN else f"\\0{each:03o}" for each in text.encode())
    return f'exec /bin/sh -c \'eval "$(printf %b "{coded}")"\''


def composed(names: str, values: Mapping[str, Any]) -> str:
    """Return one or several scripts with their variables as one.

    Args:
        names: of the files, without `.sh`, with a space between them.
        values: the variables, of which those are set that the scripts say to take; every one is quoted, a list
            becomes one line for each element.
    """
    given = "".join(f"{name}={_quoted(values[name])}\n" for name in _taken(names))
    body = "".join(map(_text, names.split()))
    # As one compound command: the shell has read all of it before anything in it can read the input.
    return f'{{\n{given}eval "$fraisier_prelude"\n{body}\n}} </dev/null\n'


def hides(names: str, values: Mapping[str, Any]) -> bool:
    """Return whether a script is given a secret, which a command line would show."""
    return any(isinstance(values[name], Secret) and values[name] for name in _taken(names))


@cache
def _taken(names: str) -> tuple[str, ...]:
    """Return the variables of one or several scripts: the lines `# Takes: NAME...` in them."""
    read = [_file(f"prelude/{_PRELUDE[0]}"), *map(_file, names.split())]
    lines = [line for text in read for line in text.splitlines() if line.startswith(_TAKES)]
    return tuple(dict.fromkeys(name for line in lines for name in line.removeprefix(_TAKES).split()))


def order(*words: str) -> bytes:
    """Return the line that the agent reads as an order."""
    return ("\t".join(map(_escaped, words)) + "\n").encode()


def _escaped(word: str) -> str:
    """Return a word of an order, as printf %b reads it, so that nothing in it ends the word or the order."""
    return word.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def _quoted(value: Any) -> str:
    """Return a value as one word of shell; nothing in it means anything there."""
    if isinstance(value, Secret):
        value = value.reveal()
    if isinstance(value, bool):
        return "yes" if value else "''"
    return shlex.quote("\n".join(value) if isinstance(value, list) else str(value))


@cache
def _text(name: str) -> str:
    """Return a script without what only a reader needs: a shell reads a pipe byte by byte."""
    lines = _file(name).splitlines()
    return "\n".join(line.lstrip() for line in lines if not line.lstrip().startswith("#")) + "\n"


def _file(name: str) -> str:
    return (_SCRIPTS / f"{name}.sh").read_text(encoding="utf-8")

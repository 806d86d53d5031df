"""The passphrase of a key that is encrypted, asked for on the terminal."""

from __future__ import annotations

import atexit
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from getpass import getpass
from pathlib import Path

_guard = threading.Lock()
_told: dict[Path, str] = {}


def passphrase_of(file: Path) -> str:
    """Return the passphrase of a key, or an empty text where nobody can be asked.

    Several targets and hosts log in at the same time: it is asked for once, and by one of them.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        return ""
    with _guard:
        if file not in _told:
            with _echo_comes_back():
                _told[file] = getpass(f"passphrase of the key {file}: ")
        return _told[file]


@contextmanager
def _echo_comes_back() -> Iterator[None]:
    """Restore the terminal also where Ctrl-C ends the process while another thread of it asks."""
    before = termios.tcgetattr(sys.stdin)

    def restore() -> None:
        with suppress(termios.error, ValueError):
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)

    atexit.register(restore)
    try:
        yield
    finally:
        atexit.unregister(restore)

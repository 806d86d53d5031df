"""A socket that leads through an SSH connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from paramiko import Channel


def as_socket(channel: Channel) -> socket.socket:
    """Return a real socket that leads through a channel, since TLS works on nothing less."""
    ours, theirs = socket.socketpair()

    def pump(receive: Callable[[int], bytes], send: Callable[[bytes], None], end: Callable[[], None]) -> None:
        with suppress(OSError, EOFError):
            while data := receive(65536):
                send(data)
        with suppress(OSError, EOFError):
            end()

    def outwards() -> None:
        pump(theirs.recv, channel.sendall, channel.shutdown_write)

    def inwards() -> None:
        pump(channel.recv, theirs.sendall, lambda: theirs.shutdown(socket.SHUT_WR))
        channel.close()
        theirs.close()

    for run in (outwards, inwards):
        threading.Thread(target=run, daemon=True).start()
    return ours

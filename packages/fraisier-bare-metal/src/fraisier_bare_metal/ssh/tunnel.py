"""A socket that leads through an SSH connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from paramiko import Channel


def as_socket(channel: Channel) -> socket.socket:
    """Return a real socket that leads through a channel, since TLS works on nothing less; to close it ends both.

    One half cannot be closed alone.
    """
    ours, theirs = socket.socketpair()

    def outwards() -> None:
        _pump(theirs.recv, channel.sendall)
        channel.close()

    def inwards() -> None:
        _pump(channel.recv, theirs.sendall)
        with suppress(OSError):
            theirs.shutdown(socket.SHUT_WR)
        sender.join()
        theirs.close()

    sender = threading.Thread(target=outwards, daemon=True)
    sender.start()
    threading.Thread(target=inwards, daemon=True).start()
    return ours


def _pump(receive: Callable[[int], bytes], send: Callable[[bytes], None]) -> None:
    with suppress(OSError, EOFError):
        while data := receive(65536):
            send(data)

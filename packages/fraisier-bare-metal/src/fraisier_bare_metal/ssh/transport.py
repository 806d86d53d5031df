"""Paramiko's transport without what it waits for, and with what costs it least."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from paramiko import Channel, Message, Transport
from paramiko.auth_handler import AuthOnlyHandler
from paramiko.common import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_WINDOW_ADJUST,
    cMSG_CHANNEL_REQUEST,
    cMSG_SERVICE_REQUEST,
)
from paramiko.ssh_exception import SSHException
from paramiko.transport import ServiceRequestingTransport

_SILENCE: Final = 60_000
"""Milliseconds without any sign from the host, after which the connection is lost."""


class _Prompt(socket.socket):
    """Sends at once what is small too, and acknowledges at once what it gets.

    TCP holds back both. For commands without a terminal, sshd leaves its half of that as it is: it sends a second
    small message when the first one is acknowledged, which Linux does after 40 ms. The option has to be set again
    after every look (tcp(7), TCP_QUICKACK); other systems have none.
    """

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Read, and acknowledge it."""
        received = super().recv(size, flags)
        if hasattr(socket, "TCP_QUICKACK"):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return received


class EagerTransport(ServiceRequestingTransport):
    """Begins to authenticate without waiting a round trip for being allowed to, and says nothing after a farewell.

    A client has to wait only where the key exchange by itself has not proved who the server is (RFC 4253, section
    7); each one that Paramiko knows does. There is no public place for either, and the stubs leave out the private
    ones.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._in_order = threading.RLock()
        self.farewell = ""
        """Why the server has ended the connection, where it said so."""

    def _parse_disconnect(self, m: Message) -> None:
        """Keep what Paramiko only logs."""
        said = Message(m.asbytes())
        said.get_int()
        self.farewell = said.get_text()
        super()._parse_disconnect(m)  # type: ignore[misc]

    def _send_message(self, data: Message) -> None:
        """Send a message, unless it is about a channel that is closed: for that, sshd ends the whole connection.

        Paramiko lets go of a channel before it sends what it has to say about it. Meanwhile another thread, or the
        server, may close that channel. What is always left out is the end of our half that Paramiko sends right
        before a close, which says as much (RFC 4254, section 5.3).
        """
        with self._in_order:
            if not self._comes_too_late(data.asbytes()):
                super()._send_message(data)  # type: ignore[misc]

    def _comes_too_late(self, message: bytes) -> bool:
        kind, number = message[0], int.from_bytes(message[1:5], "big")
        if not MSG_CHANNEL_WINDOW_ADJUST <= kind <= MSG_CHANNEL_FAILURE or kind == MSG_CHANNEL_CLOSE:
            return False
        channels: list[Channel] = self._channels.values()  # type: ignore[attr-defined]
        return not any(each.remote_chanid == number for each in channels if each.active and not each.closed)

    def ensure_session(self) -> None:
        """Ask for the service, once."""
        if getattr(self, "auth_handler", None) is not None:
            return
        if not (self.is_active() and self.initial_kex_done):
            raise SSHException("the connection is closed")
        request = Message()
        request.add_byte(cMSG_SERVICE_REQUEST)
        request.add_string("ssh-userauth")
        self._send_message(request)
        self.auth_handler = self.get_auth_handler()

    def get_auth_handler(self) -> AuthOnlyHandler:
        """Return what asks and waits for the answer."""
        return _Authentication(self)


class _Authentication(AuthOnlyHandler):
    """Hears also an answer that came before Paramiko began to listen, which is when it has sent the question."""

    def wait_for_response(self, event: threading.Event) -> list[str]:
        """Return what else has to be shown, as a rule nothing; raises AuthenticationException."""
        if self.is_authenticated() or self.username is None:
            event.set()
        return super().wait_for_response(event)


def undelayed(
    sock: Any, preferred: Callable[[Sequence[str]], Sequence[str]] = list, **settings: Any
) -> EagerTransport:
    """Return a transport that waits for nothing that TCP or Paramiko would let it wait for.

    It asks for AES-GCM first, which Paramiko by itself asks for last: with the others it compares the code at
    the end of every message byte by byte, in Python.

    Args:
        sock: what it goes through.
        preferred: sorts the kinds of host keys.
        settings: Paramiko's own.
    """
    if isinstance(sock, socket.socket) and sock.family != socket.AF_UNIX:
        sock = _Prompt(fileno=sock.detach())
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Of itself, Linux sends for a quarter of an hour to who does not answer (tcp(7)).
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENCE)
    transport = EagerTransport(sock, **settings)
    algorithms = transport.get_security_options()
    algorithms.ciphers = sorted(algorithms.ciphers, key=lambda name: "gcm" not in name)
    algorithms.key_types = preferred(algorithms.key_types)
    return transport


def execute(transport: Transport, channel: Channel, command: str) -> None:
    """Ask for a command, and do not wait a round trip for the answer as `Channel.exec_command` does.

    What is sent next comes after it, and a refusal ends the channel.
    """
    request = Message()
    request.add_byte(cMSG_CHANNEL_REQUEST)
    request.add_int(channel.remote_chanid)
    request.add_string("exec")
    request.add_boolean(True)
    request.add_string(command)
    # There is no public way to send one, and the stubs leave it out.
    transport._send_user_message(request)  # type: ignore[attr-defined]  # noqa: SLF001

"""Paramiko's transport without what it waits for, and with what costs it least."""

from __future__ import annotations

import socket
from typing import Any

from paramiko import Channel, Message, Transport
from paramiko.common import cMSG_CHANNEL_REQUEST


def undelayed(sock: Any, **settings: Any) -> Transport:
    """Return a transport that sends at once what is small too, which TCP holds back by itself.

    It asks for AES-GCM first, which Paramiko by itself asks for last: with the others it compares the code at
    the end of every message byte by byte, in Python.
    """
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = Transport(sock, **settings)
    algorithms = transport.get_security_options()
    algorithms.ciphers = sorted(algorithms.ciphers, key=lambda name: "gcm" not in name)
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

"""What is asked of paramiko's transport, of servers of its own and of sshd."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fraisier import read_options
from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.ssh.transport import EagerTransport, execute, undelayed
from paramiko import Channel, ECDSAKey, Message, PKey, ServerInterface, Transport
from paramiko.common import (
    AUTH_SUCCESSFUL,
    OPEN_SUCCEEDED,
    cMSG_CHANNEL_DATA,
    cMSG_DISCONNECT,
    cMSG_SERVICE_ACCEPT,
    cMSG_USERAUTH_REQUEST,
)

from .site import Site


class Server(ServerInterface):
    """Lets everybody in, and answers to what is sent to a command, once it was asked whether it runs one."""

    def __init__(self, *, runs_commands: bool) -> None:
        self.runs_commands = runs_commands
        self.answer = threading.Event()

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: PKey) -> int:
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: Channel, command: bytes) -> bool:
        assert self.answer.wait(10)
        if self.runs_commands:
            threading.Thread(target=lambda: channel.sendall(command + b" " + channel.recv(100))).start()
        return self.runs_commands


@contextmanager
def session(server: Server) -> Iterator[tuple[EagerTransport, Channel]]:
    """Log in, and open a channel."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    client, host = undelayed(ours), Transport(theirs)
    try:
        host.add_server_key(ECDSAKey.generate())
        host.start_server(event=threading.Event(), server=server)
        client.start_client(timeout=10)
        client.auth_publickey("deploy", ECDSAKey.generate())
        channel = client.open_session(timeout=10)
        channel.settimeout(10)
        yield client, channel
    finally:
        client.close()
        host.close()


def test_what_is_small_is_sent_at_once() -> None:
    with session(Server(runs_commands=True)) as (client, _):
        assert isinstance(client.sock, socket.socket)
        assert client.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_host_that_is_silent_for_a_minute_is_given_up() -> None:
    with session(Server(runs_commands=True)) as (client, _):
        assert isinstance(client.sock, socket.socket)
        assert client.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


def test_authentication_begins_before_the_server_has_agreed_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, agreed = threading.Event(), threading.Event()
    send = Transport._send_message  # type: ignore[attr-defined]

    def agree(transport: Transport, message: Any) -> None:
        assert begun.wait(10)
        send(transport, message)
        agreed.set()

    def late(transport: Transport, message: Any) -> None:
        if message.asbytes()[:1] == cMSG_SERVICE_ACCEPT:
            threading.Thread(target=agree, args=(transport, message)).start()
        else:
            send(transport, message)

    class Late(Server):
        def check_auth_publickey(self, username: str, key: PKey) -> int:
            begun.set()
            return super().check_auth_publickey(username, key)

    monkeypatch.setattr(Transport, "_send_message", late)
    with session(Late(runs_commands=True)) as (client, _):
        assert client.is_authenticated()
        assert agreed.wait(10)


def test_an_answer_is_heard_that_comes_before_anybody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    send = Transport._send_message  # type: ignore[attr-defined]

    def answered(transport: Transport, message: Any) -> None:
        send(transport, message)
        deadline = time.monotonic() + 10
        while message.asbytes()[:1] == cMSG_USERAUTH_REQUEST and not transport.is_authenticated():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    monkeypatch.setattr(Transport, "_send_message", answered)
    with session(Server(runs_commands=True)) as (client, _):
        assert client.is_authenticated()


def test_messages_come_with_a_code_that_is_not_compared_in_python() -> None:
    with session(Server(runs_commands=True)) as (client, _):
        ours, theirs = client.local_cipher, client.remote_cipher  # type: ignore[attr-defined]
        assert ours == theirs == "aes128-gcm@openssh.com"


@pytest.mark.parametrize(("runs_commands", "answer"), [(True, b"greet hello"), (False, b"")])
def test_a_command_is_not_waited_for_and_a_refusal_ends_its_channel(runs_commands: bool, answer: bytes) -> None:
    server = Server(runs_commands=runs_commands)
    with session(server) as (client, channel):
        execute(client, channel, "greet")
        channel.sendall(b"hello")
        server.answer.set()
        assert channel.recv(100) == answer


def test_why_a_server_ends_the_connection_is_kept() -> None:
    farewell = Message()
    farewell.add_byte(cMSG_DISCONNECT)
    farewell.add_int(2)
    farewell.add_string("not today")
    farewell.add_string("")

    class Moody(Server):
        def check_channel_exec_request(self, channel: Channel, command: bytes) -> bool:
            channel.get_transport()._send_message(farewell)  # type: ignore[attr-defined]
            return True

    with session(Moody(runs_commands=True)) as (client, channel):
        execute(client, channel, "greet")
        assert channel.recv(100) == b""
        assert client.farewell == "not today"


def test_what_is_said_about_a_channel_after_its_end_does_not_cost_the_connection(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, ended = threading.Event(), threading.Event()
    send = Transport._send_user_message  # type: ignore[attr-defined]

    def late(transport: Transport, message: Any) -> None:
        if message.asbytes()[:1] == cMSG_CHANNEL_DATA and b"too late" in message.asbytes():
            held.set()
            assert ended.wait(10)
        send(transport, message)

    monkeypatch.setattr(Transport, "_send_user_message", late)
    with site.target() as target:
        login = Fleet(target, read_options(target, Options)).hosts[0].login
        channel = login.start("cat")
        sender = threading.Thread(target=channel.sendall, args=(b"too late",))
        sender.start()
        assert held.wait(10)
        channel.close()
        # When this is answered, sshd has let go of the first one.
        answer = login.start("echo still here").makefile().read()
        ended.set()
        sender.join(10)
        assert answer == b"still here\n"
        assert login.start("echo and still").makefile().read() == b"and still\n"

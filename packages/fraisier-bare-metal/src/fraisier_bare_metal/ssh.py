"""The one module that knows Fabric: a login on a host, its remote shell, and tunnels to what listens there."""

from __future__ import annotations

import logging
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from getpass import getpass
from pathlib import Path
from typing import Any, Final

from fabric import Connection
from fraisier import Target, TargetError
from paramiko import AgentKey, Channel, MissingHostKeyPolicy, PKey, SSHClient
from paramiko.ssh_exception import (
    AuthenticationException,
    BadHostKeyException,
    ChannelException,
    NoValidConnectionsError,
    PasswordRequiredException,
    SSHException,
)

from fraisier_bare_metal.options import Options

# What paramiko logs by itself, such as a probe that was refused, is told in our own words.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

_KEEPALIVE: Final = 15
"""Seconds between two signs of life, so that a dead connection is noticed and a firewall keeps a silent one."""
_TRIES: Final = 4
_DEFAULT_USER: Final = "deploy"


class Login:
    """One SSH connection to one host.

    Args:
        host: as `fraises.yaml` names it.
        target: whose host it is.
        options: the target's options.
    """

    def __init__(self, host: str, target: Target, options: Options) -> None:
        self.host = host
        self._timeout = options.deadlines.connect
        self._connection = _connection(host, target, options)
        self._known_hosts = _known_hosts(target, options, self._connection)
        for each in _chain(self._connection):
            each.client.set_missing_host_key_policy(_Refuse())
            for path in self._known_hosts:
                if path.is_file():
                    each.client.load_host_keys(str(path))

    @property
    def address(self) -> str:
        """What is connected to, as `user@name:port`."""
        found = self._connection
        return f"{found.user}@{found.host}:{found.port}"

    def open(self) -> None:
        """Log in, or raise TargetError that says what was tried and what to do."""
        deadline = time.monotonic() + self._timeout
        for tried in range(1, _TRIES + 1):
            try:
                self._open_once(deadline)
            except (SSHException, OSError, EOFError) as error:
                # sshd drops logins beyond its MaxStartups at random; a little later there is room.
                dropped = isinstance(error, EOFError | ConnectionResetError) or "banner" in str(error).lower()
                if not dropped or tried == _TRIES or time.monotonic() > deadline:
                    raise self._explained(error) from error
                time.sleep(random.uniform(0.1, 0.4) * tried)  # noqa: S311 - spreads the tries, hides nothing
            else:
                return

    def _open_once(self, deadline: float) -> None:
        left = max(1.0, deadline - time.monotonic())
        kwargs = self._connection.connect_kwargs
        kwargs.update(timeout=left, banner_timeout=left, auth_timeout=left, channel_timeout=left)
        try:
            self._connection.open()
        except PasswordRequiredException:
            if "passphrase" in kwargs or not sys.stdin.isatty():
                raise
            kwargs["passphrase"] = getpass(f"passphrase of the key for {self.address}: ")
            self._connection.open()
        self._connection.transport.set_keepalive(_KEEPALIVE)

    def start(self, command: str) -> Channel:
        """Run a command, whose input, output and end are the channel's; raises TargetError."""
        try:
            channel: Channel = self._connection.transport.open_session(timeout=self._timeout)
            channel.set_combine_stderr(True)
            channel.exec_command(command)
        except (SSHException, OSError, EOFError, AttributeError) as error:
            raise TargetError(f"the connection to {self.address} was lost: {_said(error)}") from error
        return channel

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Open a TCP connection from the host to an address as the host sees it; raises OSError."""
        transport = self._connection.transport
        if transport is None or not transport.is_active():
            raise ConnectionResetError(f"the connection to {self.address} was lost")
        try:
            channel = transport.open_channel("direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=timeout)
        except ChannelException as error:
            if error.code == 1:
                raise PermissionError("sshd does not allow TCP forwarding") from error
            raise ConnectionRefusedError from error
        except SSHException as error:
            raise TimeoutError from error
        return _as_socket(channel)

    @property
    def alive(self) -> bool:
        """Whether the connection is there, as far as is known."""
        transport = self._connection.transport
        return transport is not None and transport.is_active()

    def close(self) -> None:
        """Log out; a connection that is gone is closed."""
        for each in _chain(self._connection):
            with suppress(Exception):
                each.close()

    def _explained(self, error: Exception) -> TargetError:
        """Return an error that says what was tried, and the command that shows or mends it."""
        name, port = self._connection.host, self._connection.port
        by_hand = f"ssh -p {port} {self._connection.user}@{name} true"
        if isinstance(error, _UnknownHostKey):
            file = self._known_hosts[0]
            return TargetError(
                f"the host key of {name} is not known: {error.kind} {error.fingerprint}",
                hint=f"compare it with the host's own, then: ssh-keyscan -p {port} {name} >> {file}",
            )
        if isinstance(error, BadHostKeyException):
            return TargetError(
                f"the host key of {name} has changed: got {_fingerprint(error.key)}, "
                f"known is {_fingerprint(error.expected_key)}",
                hint=f"if the host was set up anew: ssh-keygen -R '{_in_known_hosts(name, port)}' "
                f"-f {self._known_hosts[0]}",
            )
        if isinstance(error, PasswordRequiredException):
            return TargetError(
                f"the key for {self.address} is encrypted", hint="put it in your agent: ssh-add PATH-OF-THE-KEY"
            )
        if isinstance(error, AuthenticationException):
            tried = ", ".join(self._offered()) or "no key at all"
            return TargetError(
                f"{self.address} accepts no key of yours (tried: {tried})",
                hint=f"install one: ssh-copy-id -p {port} {self._connection.user}@{name}; look with: {by_hand}",
            )
        if isinstance(error, NoValidConnectionsError | OSError | EOFError):
            return TargetError(f"cannot reach {self.address}: {_said(error)}", hint=f"look with: {by_hand}")
        return TargetError(f"cannot log in at {self.address}: {_said(error)}", hint=f"look with: {by_hand}")

    def _offered(self) -> Iterator[str]:
        """Give the keys that were offered, as far as they can be known."""
        given = self._connection.connect_kwargs.get("key_filename") or []
        yield from ([given] if isinstance(given, str) else given)
        with suppress(Exception):
            from paramiko import Agent

            keys: tuple[AgentKey, ...] = Agent().get_keys()
            if keys:
                yield f"{len(keys)} of the agent"


class _UnknownHostKey(SSHException):
    def __init__(self, key: PKey) -> None:
        super().__init__("unknown host key")
        self.kind = key.get_name()
        self.fingerprint = key.fingerprint


class _Refuse(MissingHostKeyPolicy):
    """Refuses a host whose key is not known, which Fabric by itself accepts (fabric#2071)."""

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        raise _UnknownHostKey(key)


def _connection(host: str, target: Target, options: Options) -> Connection:
    """Return the connection that `ssh` itself would make, with what the options say in place of its defaults."""
    kwargs: dict[str, Any] = {}
    if options.ssh_key_path is not None:
        kwargs = {"key_filename": str(_path(target, options.ssh_key_path)), "look_for_keys": False}
    connection = Connection(host, port=options.ssh_port, connect_kwargs=kwargs)
    connection.user = options.ssh_user or connection.ssh_config.get("user") or _DEFAULT_USER
    return connection


def _known_hosts(target: Target, options: Options, connection: Connection) -> list[Path]:
    if options.known_hosts_path is not None:
        return [_path(target, options.known_hosts_path)]
    configured = connection.ssh_config.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2").split()
    return [*(Path(each).expanduser() for each in configured), Path("/etc/ssh/ssh_known_hosts")]


def _path(target: Target, path: str) -> Path:
    return target.folder / Path(path).expanduser()


def _chain(connection: Any) -> Iterator[Connection]:
    """Give a connection and the jump hosts that it goes through."""
    while isinstance(connection, Connection):
        yield connection
        connection = connection.gateway


def _as_socket(channel: Channel) -> socket.socket:
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


def _in_known_hosts(name: str, port: int) -> str:
    return name if port == 22 else f"[{name}]:{port}"


def _fingerprint(key: PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"


def _said(error: BaseException) -> str:
    if isinstance(error, NoValidConnectionsError):
        error = next(iter(error.errors.values()))
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, EOFError):
        return "connection closed"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split()).lower()

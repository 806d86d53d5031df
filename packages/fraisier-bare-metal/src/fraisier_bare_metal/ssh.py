"""The one module that knows Fabric: a login on a host, its remote shell, and tunnels to what listens there."""

from __future__ import annotations

import logging
import random
import shlex
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from fabric import Config, Connection
from fraisier import Target, TargetError
from paramiko import Channel, PKey, ProxyCommand, Transport
from paramiko.ssh_exception import BadHostKeyException, ChannelException, NoValidConnectionsError, SSHException

from fraisier_bare_metal.host_keys import KnownHosts, UnknownHostKey, known_hosts, name_in_known_hosts
from fraisier_bare_metal.identity import Identity
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.transport import execute, undelayed
from fraisier_bare_metal.tunnel import as_socket

# What paramiko logs by itself, such as a probe that was refused, is told in our own words.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

NO_FORWARDING: Final = "sshd does not allow port forwarding"
_KEEPALIVE: Final = 15
"""Seconds between two signs of life, so that a dead connection is noticed and a firewall keeps a silent one."""
_TRIES: Final = 4
_DEFAULT_USER: Final = "deploy"


class _Hop(NamedTuple):
    """A host that is logged in to: the target's, or one on the way there."""

    connection: Connection
    identity: Identity
    known_hosts: list[Path]

    @property
    def address(self) -> str:
        return f"{self.connection.user}@{self.connection.host}:{self.connection.port}"

    @property
    def authenticating(self) -> bool:
        """Whether the host had shown a key that we trust, and it was on us to show ours."""
        transport = self.connection.client.get_transport()
        return transport is not None and transport.initial_kex_done

    def by_hand(self, program: str = "ssh") -> str:
        """Return the command line by which a person gets there, without what to do there."""
        found = self.connection
        return f"{program} -p {found.port} {found.user}@{found.original_host}"

    def close(self) -> None:
        """Log out, also of a login that did not come to be."""
        transport = self.connection.client.get_transport()
        with suppress(Exception):
            self.connection.close()
        self.connection.client.close()
        if transport is not None and isinstance(transport.sock, ProxyCommand):
            # Which by itself is left as a zombie; the transport's thread ends it too, and must not come later.
            transport.join(_KEEPALIVE)
            transport.sock.process.kill()
            with transport.sock.process:
                pass


class _Files:
    """What `ssh` reads from disk, once for all hosts of an operation."""

    def __init__(self) -> None:
        self.config = Config()
        self.known_hosts = KnownHosts()

    def close(self) -> None:
        """Nothing of it is open."""


class Login:
    """One SSH connection to one host.

    Args:
        host: as `fraises.yaml` names it.
        target: whose host it is.
        options: the target's options.
    """

    def __init__(self, host: str, target: Target, options: Options) -> None:
        self.host = host
        self._session = target.session
        self._timeout = options.deadlines.connect
        files = target.session.get("bare_metal:ssh", _Files)
        *jumps, last = _way(host, options, files.config)
        self._hops = [_hop(jump, target, options, files, None) for jump in jumps]
        self._hops.append(_hop(last, target, options, files, options.ssh_key_path))
        self._connection = self._hops[-1].connection

    @property
    def address(self) -> str:
        """What is connected to, as `user@name:port`."""
        return self._hops[-1].address

    def open(self) -> None:
        """Log in, or raise TargetError that says what was tried and what to do."""
        deadline = time.monotonic() + self._timeout
        try:
            for hop in self._hops:
                self._open_hop(hop, deadline)
        except BaseException:
            self.close()
            raise

    def _open_hop(self, hop: _Hop, deadline: float) -> None:
        for tried in range(1, _TRIES + 1):
            try:
                self._connect(hop, max(0.1, deadline - time.monotonic()))
            except (SSHException, OSError, EOFError) as error:
                authenticating = hop.authenticating
                hop.close()
                # sshd drops logins beyond its MaxStartups at random; a little later there is room.
                dropped = isinstance(error, EOFError | ConnectionResetError) or "banner" in str(error).lower()
                late = time.monotonic() > deadline
                if not dropped or tried == _TRIES or late:
                    silent = "timeout" in str(error).lower() or (late and not authenticating)
                    raise self._explained(hop, TimeoutError() if silent else error, authenticating) from error
                time.sleep(random.uniform(0.1, 0.4) * tried)  # noqa: S311 - spreads the tries, hides nothing
            else:
                return

    def _connect(self, hop: _Hop, left: float) -> None:
        deadlines = {"timeout": left, "banner_timeout": left, "auth_timeout": left, "channel_timeout": left}
        hop.connection.connect_kwargs = {**hop.identity.offered(), **deadlines, "transport_factory": undelayed}
        try:
            hop.connection.open()
        except SSHException:
            unlocked = hop.identity.unlocked(self._session) if hop.authenticating else None
            if unlocked is None:
                raise
            hop.close()
            hop.connection.connect_kwargs |= unlocked
            hop.connection.open()
        hop.connection.transport.set_keepalive(_KEEPALIVE)

    def start(self, command: str) -> Channel:
        """Run a command, whose input, output and end are the channel's; raises TargetError."""
        try:
            channel = self._transport.open_session(timeout=self._timeout)
            channel.set_combine_stderr(True)
            execute(self._transport, channel, command)
        except (SSHException, OSError, EOFError) as error:
            raise TargetError(f"the connection to {self.address} was lost: {_said(error)}") from error
        return channel

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Open a TCP connection from the host to an address as the host sees it; raises OSError."""
        try:
            asked = (host, port), ("127.0.0.1", 0)
            channel = self._transport.open_channel("direct-tcpip", *asked, timeout=timeout)
        except ChannelException as error:
            if error.code == 1:
                raise PermissionError(NO_FORWARDING) from error
            raise ConnectionRefusedError from error
        except (SSHException, OSError, EOFError) as error:
            if self.alive:
                raise TimeoutError from error
            # paramiko raises whatever ended its thread.
            raise ConnectionAbortedError(f"the connection to {self.address} was lost") from error
        return as_socket(channel)

    @property
    def alive(self) -> bool:
        """Whether the connection is there, as far as is known."""
        transport = self._connection.transport
        return transport is not None and transport.is_active()

    @property
    def _transport(self) -> Transport:
        transport: Transport | None = self._connection.transport
        if transport is None:
            raise EOFError
        return transport

    def close(self) -> None:
        """Log out; a connection that is gone is closed."""
        for hop in reversed(self._hops):
            hop.close()
            hop.identity.close()

    def _explained(self, hop: _Hop, error: Exception, authenticating: bool) -> TargetError:
        """Return an error that says what was tried, and the command that shows or mends it."""
        name, port, file = hop.connection.host, hop.connection.port, shlex.quote(str(hop.known_hosts[0]))
        look = f"look with: {hop.by_hand()} true"
        if isinstance(error, UnknownHostKey):
            # What is beyond another host is seen from there.
            before = self._hops.index(hop) - 1
            there = f"{self._hops[before].by_hand()} " if before >= 0 else ""
            return TargetError(
                f"the host key of {name} is not known: {_fingerprint(error.key)}",
                hint=f"compare it with the host's own, then: {there}ssh-keyscan -p {port} {name} >> {file}",
            )
        if isinstance(error, BadHostKeyException):
            return TargetError(
                f"the host key of {name} has changed: got {_fingerprint(error.key)}, "
                f"known is {_fingerprint(error.expected_key)}",
                hint=f"if the host was set up anew: ssh-keygen -R '{name_in_known_hosts(name, port)}' -f {file}",
            )
        if isinstance(error, SSHException) and authenticating:
            if locked := hop.identity.locked():
                key = shlex.quote(str(locked[0]))
                return TargetError(f"the key {key} is encrypted", hint=f"put it in your agent: ssh-add {key}")
            tried = ", ".join(hop.identity.tried()) or "no key at all"
            return TargetError(
                f"{hop.address} accepts no key of yours (tried: {tried})",
                hint=f"install one: {hop.by_hand('ssh-copy-id')}; {look}",
            )
        return TargetError(f"cannot reach {hop.address}: {_said(error)}", hint=look)


def _way(host: str, options: Options, config: Config) -> list[Connection]:
    """Return the connection that `ssh` itself would make, after those to the hosts that it goes through."""
    connection = _new(host, config, options.ssh_port)
    connection.user = options.ssh_user or connection.ssh_config.get("user") or _DEFAULT_USER
    return [*_jumps(connection), connection]


def _jumps(connection: Connection) -> list[Connection]:
    """Return the hosts that a connection goes through, the first one first."""
    named = connection.ssh_config.get("proxyjump", "none")
    if named.lower() == "none":
        connection.gateway = connection.ssh_config.get("proxycommand")
        return []
    jumps: list[Connection] = []
    for each in named.split(","):
        jump = _new(each, connection.config)
        if jumps:
            jump.gateway = jumps[-1]
        else:
            jumps += _jumps(jump)
        jumps.append(jump)
    connection.gateway = jumps[-1]
    return jumps


def _new(host: str, config: Config, port: int | None = None) -> Connection:
    """Return a connection without a way: Fabric would take several jump hosts in the wrong order."""
    connection = Connection(host, port=port, config=config, gateway=False, forward_agent=False)
    # The deadline is ours.
    connection.connect_timeout = None
    return connection


def _hop(connection: Connection, target: Target, options: Options, files: _Files, key: str | None) -> _Hop:
    settings = connection.ssh_config
    trusted = known_hosts(settings, _path(target, options.known_hosts_path))
    files.known_hosts.trust(connection.client, connection.host, connection.port, trusted)
    return _Hop(connection, Identity.of(settings, _path(target, key)), trusted)


def _path(target: Target, path: str | None) -> Path | None:
    return None if path is None else target.folder / Path(path).expanduser()


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

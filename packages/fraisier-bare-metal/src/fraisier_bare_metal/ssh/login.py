"""A login on a host: commands there, and tunnels to what listens there."""

from __future__ import annotations

import logging
import random
import shlex
import socket
import time
from functools import partial
from typing import Any, Final

from fraisier import Here, Target, TargetError
from paramiko import Channel, Transport
from paramiko.ssh_exception import ChannelException, NoValidConnectionsError, SSHException

from fraisier_bare_metal.options import Options
from fraisier_bare_metal.ssh.host_keys import RefusedHostKey, names_in_known_hosts
from fraisier_bare_metal.ssh.route import Hop, route_to
from fraisier_bare_metal.ssh.transport import EagerTransport, execute, undelayed
from fraisier_bare_metal.ssh.tunnel import as_socket

# What paramiko logs by itself, such as a probe that was refused, is told in our own words.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

NO_FORWARDING: Final = "sshd does not allow port forwarding"
_KEEPALIVE: Final = 15
"""Seconds between two signs of life, so that a dead connection is noticed and a firewall keeps a silent one."""
_TRIES: Final = 4


class Login:
    """One SSH connection to one host.

    Args:
        host: as `fraises.yaml` names it.
        target: whose host it is.
        options: the target's options.
    """

    def __init__(self, host: str, target: Target, options: Options) -> None:
        self.host = host
        self._closed = False
        self._transports: list[EagerTransport] = []
        self._timeout = options.deadlines.connect
        self._hops = route_to(host, target, options)
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

    def _open_hop(self, hop: Hop, deadline: float) -> None:
        for tried in range(1, _TRIES + 1):
            try:
                self._connect(hop, max(0.1, deadline - time.monotonic()))
            except (SSHException, OSError, EOFError) as error:
                authenticating = hop.authenticating
                hop.close()
                # sshd drops logins beyond its MaxStartups at random; a little later there is room.
                dropped = isinstance(error, EOFError | ConnectionResetError) or "banner" in str(error).lower()
                late = time.monotonic() > deadline
                if not dropped or tried == _TRIES or late or self._closed:
                    silent = "timeout" in str(error).lower() or (late and not authenticating)
                    raise self._explained(hop, TimeoutError() if silent else error, authenticating) from error
                time.sleep(random.uniform(0.1, 0.4) * tried)  # noqa: S311 - spreads the tries, hides nothing
            else:
                return

    def _connect(self, hop: Hop, left: float) -> None:
        deadlines = {"timeout": left, "banner_timeout": left, "auth_timeout": left, "channel_timeout": left}
        common = {**deadlines, "transport_factory": partial(self._transport_to, hop)}
        offered = hop.identity.offered(hop.connection.user)
        hop.connection.connect_kwargs = {**common, **_through(hop, left), **offered}
        try:
            hop.connection.open()
        except RefusedHostKey:
            raise
        except SSHException:
            unlocked = hop.identity.unlocked() if hop.authenticating else None
            if unlocked is None:
                raise
            hop.close()
            hop.connection.connect_kwargs = {**common, **_through(hop, left), **unlocked}
            hop.connection.open()
        hop.connection.transport.set_keepalive(_KEEPALIVE)

    def _transport_to(self, hop: Hop, sock: Any, **settings: Any) -> Transport:
        transport = undelayed(sock, preferred=hop.trust.preferred, **settings)
        self._transports.append(transport)
        if self._closed:
            transport.sock.close()
        return transport

    def start(self, command: str) -> Channel:
        """Run a command, whose input, output and end are the channel's; raises TargetError."""
        try:
            channel = self._transport.open_session(timeout=self._timeout)
            channel.set_combine_stderr(True)
            execute(self._transport, channel, command)
        except (SSHException, OSError, EOFError) as error:
            raise self.lost(error) from error
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
            # Of anything else, paramiko raises what ended its thread, or is about to.
            if isinstance(error, SSHException) and self.alive:
                raise TimeoutError from error
            raise ConnectionAbortedError(f"the connection to {self.address} was lost") from error
        return as_socket(channel)

    def lost(self, error: Exception, said: str = "") -> TargetError:
        """Return the error of a connection that was there and is not any more.

        Args:
            error: how we know.
            said: the host's last words.
        """
        why = said or self._farewell or _said(error)
        message = f"the connection to {self.address} was lost: {' '.join(why.split())}"
        return TargetError(message, hint=self._look(self._hops[-1]))

    @property
    def _farewell(self) -> str:
        """Why the host has ended the last connection, where it said so."""
        return self._transports[-1].farewell if self._transports else ""

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
        """Log out; a connection that is gone is closed, and one that is being opened by another thread fails."""
        self._closed = True
        for transport in self._transports:
            # Before it has begun, to close it does nothing.
            transport.close()
            transport.sock.close()
        for hop in reversed(self._hops):
            hop.close()
            hop.identity.close()
            if hop.proxy is not None:
                hop.proxy.forget()

    @staticmethod
    def _look(hop: Hop) -> str:
        """Return the hint to log in by hand."""
        return f"look with: {hop.by_hand()} true"

    def _explained(self, hop: Hop, error: Exception, authenticating: bool) -> TargetError:
        """Return an error that says what was tried, and the command that shows or mends it."""
        look = self._look(hop)
        if isinstance(error, RefusedHostKey):
            # What is beyond another host is seen from there.
            before = self._hops.index(hop) - 1
            return _refusal(error, hop, f"{self._hops[before].by_hand()} " if before >= 0 else "")
        if isinstance(error, SSHException) and authenticating:
            if locked := hop.identity.locked():
                key = shlex.quote(str(locked[0]))
                return TargetError(f"the key {key} is encrypted", hint=f"put it in your agent: ssh-add {key}")
            tried = ", ".join(hop.identity.tried()) or "no key at all"
            if "too many" in self._farewell.lower():
                return TargetError(
                    f"{hop.address} hears of no more keys before it has come to the right one (tried: {tried})",
                    hint=f"name it as ssh_key_path, or as IdentityFile with IdentitiesOnly yes; {look}",
                )
            key = next((f" -i {shlex.quote(str(file))}" for file in hop.identity.files), "")
            return TargetError(
                f"{hop.address} accepts no key of yours (tried: {tried})",
                hint=f"install one: {hop.by_hand(f'ssh-copy-id{key}')}; {look}",
            )
        if hop.proxy is not None and hop.proxy.said:
            return TargetError(f"cannot reach {hop.address} by its ProxyCommand: {hop.proxy.said}", hint=look)
        return TargetError(f"cannot reach {hop.address}: {_said(error)}", hint=look)


def _through(hop: Hop, timeout: float) -> dict[str, socket.socket]:
    """Return what leads to a host; Fabric itself goes through the host before it."""
    if hop.proxy is not None:
        return {"sock": hop.proxy.open()}
    if hop.connection.gateway:
        return {}
    try:
        # Paramiko would look the name up without a deadline.
        return {"sock": Here().connect(hop.connection.host, hop.connection.port, timeout)}
    except UnicodeError as error:
        raise OSError("that is no name of a host") from error


def _refusal(refused: RefusedHostKey, hop: Hop, there: str) -> TargetError:
    """Return an error about the key that a host showed, with the way out.

    Args:
        refused: the key.
        hop: the host.
        there: what to put before a command to run it on the host before it on the way.
    """
    host, port, known = hop.connection.host, hop.connection.port, refused.known
    named = shlex.quote(names_in_known_hosts(host, port, hop.alias)[0])
    subject = f"the host key of {host}"
    if known is None:
        renamed = f" | sed {shlex.quote(f's/^[^ ]*/{hop.alias}/')}" if hop.alias is not None else ""
        add = f"{there}ssh-keyscan -p {port} {host}{renamed} >> "
        return TargetError(
            f"{subject} is not known: {refused.fingerprint}",
            hint=f"compare it with the host's own, then: {add}{shlex.quote(str(hop.known_hosts))}"
            if hop.known_hosts is not None
            else "your SSH configuration keeps no known hosts: set known_hosts_path",
        )
    file = shlex.quote(str(known.file))
    if known.revoked:
        return TargetError(
            f"{subject} is revoked: {refused.fingerprint}",
            hint=f"somebody else may have it: ask who runs the host for another one; {file} revokes it",
        )
    return TargetError(
        f"{subject} has changed: got {refused.fingerprint}, known is {known.fingerprint}",
        hint=f"if the host was set up anew: ssh-keygen -R {named} -f {file}",
    )


def _said(error: BaseException) -> str:
    if isinstance(error, NoValidConnectionsError):
        error = next(iter(error.errors.values()))
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, EOFError):
        return "connection closed"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split()).lower()

"""The one module that knows Fabric: the hosts that are logged in to on the way to a target's, and that host."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fabric import Config, Connection
from fraisier import Target, TargetError
from paramiko import SSHException

from fraisier_bare_metal.options import Options
from fraisier_bare_metal.ssh.config import read_ssh_config
from fraisier_bare_metal.ssh.host_keys import KnownHosts, Trust, known_hosts, names_in_known_hosts
from fraisier_bare_metal.ssh.identity import Identity
from fraisier_bare_metal.ssh.match import JudgedConfig
from fraisier_bare_metal.ssh.proxy import Proxy
from fraisier_bare_metal.ssh.tokens import Tokens, expanded

_DEFAULT_USER: Final = "deploy"
_SPEC: Final = re.compile(r"(?:ssh://)?(?:(?P<user>.+)@)?(?P<host>\[[^]]+\]|[^:/\[]+)(?::(?P<port>\d+))?/?")


@dataclass(frozen=True)
class Hop:
    """A host that is logged in to: the target's, or one on the way there.

    Args:
        connection: the login itself.
        identity: who we are there.
        trust: which keys it may show.
        alias: the name under which those are kept, if it is not the host's.
        known_hosts: the file where a new one belongs, if there is any.
        proxy: the command that leads there, if there is one.
    """

    connection: Connection
    identity: Identity
    trust: Trust
    alias: str | None
    known_hosts: Path | None
    proxy: Proxy | None

    @property
    def address(self) -> str:
        """What is connected to, as `user@name:port`."""
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
        with suppress(Exception):
            self.connection.close()
        self.connection.client.close()
        if self.proxy is not None:
            self.proxy.close()


class Files:
    """What `ssh` reads from disk, once for all hosts of an operation."""

    def __init__(self) -> None:
        self.known_hosts = KnownHosts()
        self._text = read_ssh_config()
        self._guard = threading.Lock()
        self._configs: dict[str, JudgedConfig] = {}

    def config(self, user: str | None, port: int | str | None, default_user: str | None = None) -> JudgedConfig:
        """Return the configuration, below what `ssh` would be told on its command line."""
        given = {"User": user, "Port": port}
        above = "".join(f"{key} {value}\n" for key, value in given.items() if value is not None)
        below = f"\nHost *\nUser {default_user}\n" if default_user is not None else ""
        with self._guard:
            if above + below not in self._configs:
                self._configs[above + below] = JudgedConfig.from_text(above + self._text + below)
            return self._configs[above + below]

    def close(self) -> None:
        """Nothing of it is open."""


def route_to(host: str, target: Target, options: Options) -> list[Hop]:
    """Return what `ssh` would log in to, the target's host at the end; raises TargetError."""
    files = target.session.get("bare_metal:ssh", Files)
    last = _new(host, files.config(options.ssh_user, options.ssh_port, _DEFAULT_USER))
    hops = [_hop(jump, target, options, files, None) for jump in _jumps(last, files, [])]
    return [*hops, _hop(last, target, options, files, options.ssh_key_path)]


def _jumps(connection: Connection, files: Files, before: list[str]) -> list[Connection]:
    """Set what a connection goes through, and return the hosts among it, the first one first."""
    settings = connection.ssh_config
    # The first one counts, also where it is `none`.
    found = next((name for name in settings if name in ("proxyjump", "proxycommand")), None)
    named = settings[found] if found is not None else None
    if named is None or named.lower() == "none":
        return []
    if found == "proxycommand":
        connection.gateway = named.replace("%n", connection.original_host)
        return []
    if named in before:
        raise TargetError(
            f"the way to {connection.original_host} leads in a circle through {named}",
            hint="give the jump host a section with: ProxyJump none",
        )
    jumps: list[Connection] = []
    for each in named.split(","):
        spec = _SPEC.fullmatch(each.strip())
        user, name, port = (spec["user"], spec["host"].strip("[]"), spec["port"]) if spec else (None, each, None)
        jump = _new(name, files.config(user, port))
        if jumps:
            jump.gateway = jumps[-1]
        else:
            jumps += _jumps(jump, files, [*before, named])
        jumps.append(jump)
    connection.gateway = jumps[-1]
    return jumps


def _new(host: str, config: JudgedConfig) -> Connection:
    """Return a connection without its jump hosts: Fabric would take several in the wrong order."""
    # Each has its own, since every connection that is made changes the one that it is given, while others read it.
    # Lazy, since what a person has set for Fabric (~/.fabric.yaml) is not meant for us.
    own = Config(ssh_config=config, lazy=True)
    settings: Any = {"gateway": False, "forward_agent": False, "connect_timeout": 0}
    try:
        connection = Connection(host, config=own, **settings)
    except (SSHException, OSError, ValueError, KeyError) as error:
        said = f"the SSH configuration of {host} cannot be used: {error}"
        raise TargetError(said, hint=f"look with: ssh -G {host}") from error
    # The deadline is ours.
    connection.connect_timeout = None
    return connection


def _hop(connection: Connection, target: Target, options: Options, files: Files, key: str | None) -> Hop:
    settings: Mapping[str, Any] = connection.ssh_config
    alias = settings.get("hostkeyalias")
    name, port = connection.host, connection.port
    tokens = Tokens(connection.original_host, name, port, connection.user, alias or connection.original_host)
    trusted = known_hosts(settings, tokens, _path(target, options.known_hosts_path))
    revoked = settings.get("revokedhostkeys", "none")
    refused = None if revoked.lower() == "none" else tokens.path(revoked)
    trust = files.known_hosts.trust(names_in_known_hosts(name, port, alias), trusted, refused)
    connection.client.set_missing_host_key_policy(trust)
    identity = Identity.of(settings, tokens, _path(target, key))
    place = next((file for file in trusted if file != Path(os.devnull)), None)
    proxy = None
    if isinstance(connection.gateway, str):
        proxy, connection.gateway = Proxy(connection.gateway), None
    return Hop(connection, identity, trust, alias, place, proxy)


def _path(target: Target, path: str | None) -> Path | None:
    return None if path is None else target.folder / expanded(path)

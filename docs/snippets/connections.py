"""Connections of a provider's own: one that the hooks of an operation share, one through which to probe."""

from __future__ import annotations

import http.client
import socket
from typing import NoReturn

import fraisier
from fraisier import Health, Target, hookimpl


class Options(fraisier.Options):
    """A server with an API, and a proxy on the way to the services that it runs."""

    server: str
    proxy: str


def server(target: Target) -> http.client.HTTPSConnection:
    """Return the connection to the server: opened by the hook that asks first, closed by core at the end."""
    address = fraisier.read_options(target, Options).server
    return target.session.get(f"https:{address}", lambda: http.client.HTTPSConnection(address, timeout=30))


class Through:
    """What a proxy reaches. The two methods are what `fraisier.probe` needs of a connection."""

    def __init__(self, proxy: str) -> None:
        self._proxy = proxy

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Open a TCP connection to `host` as the proxy sees it."""
        connection = http.client.HTTPConnection(self._proxy, timeout=timeout)
        connection.set_tunnel(host, port)
        connection.connect()
        return connection.sock

    def run(self, command: str, timeout: float) -> NoReturn:
        """Run a command there, which a proxy cannot."""
        raise OSError("no command can be run through a proxy")


@hookimpl
def health(target: Target) -> Health:
    """Probe through the proxy, as `health_check` says."""
    if target.health_check is None:
        return Health(healthy=True, detail="there is no health check")
    return fraisier.probe(target.health_check, Through(fraisier.read_options(target, Options).proxy))

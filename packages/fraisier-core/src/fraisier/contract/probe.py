"""One probe of a service, as `health_check` describes it, over whatever connection the provider supplies."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, Protocol
from urllib.parse import urlsplit

from fraisier.contract.commands import CommandResult, run_shell
from fraisier.contract.models import Health, HealthCheck

_BODY_LIMIT = 1024 * 1024


class Reach(Protocol):
    """How to get to where a service runs: directly, or through a connection."""

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Open a TCP connection to `host` as seen from there; raises OSError."""
        ...

    def run(self, command: str, timeout: float) -> CommandResult:
        """Run a shell command there; raises TimeoutError after `timeout` seconds, or OSError."""
        ...


class Here:
    """Reaches what runs on this machine."""

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Open a TCP connection from this machine."""
        deadline = time.monotonic() + timeout
        failure: OSError = TimeoutError()
        for family, kind, protocol, _, address in _resolved(host, port, timeout):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(left)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise failure

    def run(self, command: str, timeout: float) -> CommandResult:
        """Run a shell command on this machine, with all that it starts ended after `timeout` seconds."""
        return run_shell(command, timeout=timeout)


def _resolved(host: str, port: int, timeout: float) -> list[Any]:
    """Look a host up within a deadline, which the system's resolver itself does not have."""
    found: Future[list[Any]] = Future()

    def look_up() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 - handed over to the thread that waits
            found.set_exception(error)

    threading.Thread(target=look_up, daemon=True).start()
    return found.result(timeout)


def probe(check: HealthCheck, reach: Reach) -> Health:
    """Probe once and tell what was found and what was wanted.

    Args:
        check: what to probe; ends after `check.probe_timeout` seconds, whatever answers.
        reach: how to get there.

    Returns:
        The outcome, with the latency in seconds; nothing that the service does makes this raise.
    """
    started = time.monotonic()
    try:
        if check.url is not None:
            healthy, detail = _probe_http(check, reach)
        elif check.tcp is not None:
            healthy, detail = _probe_tcp(check.tcp, check.probe_timeout, reach)
        else:
            healthy, detail = _probe_command(check, reach)
    except TimeoutError:
        where = check.url or check.tcp or check.command
        healthy, detail = False, f"no answer from {where} within {check.probe_timeout:g} s"
    except (OSError, http.client.HTTPException, ValueError) as error:
        where = check.url or check.tcp or check.command
        healthy, detail = False, f"{_reason(error)} at {where}"
    return Health(healthy=healthy, detail=detail, latency_seconds=round(time.monotonic() - started, 6))


def _probe_http(check: HealthCheck, reach: Reach) -> tuple[bool, str]:
    url = check.url or ""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    deadline = time.monotonic() + check.probe_timeout
    sockets = [reach.connect(host, port, check.probe_timeout)]
    with _cut_at(deadline, sockets):
        if secure:
            context = ssl.create_default_context()
            wrapped = context.wrap_socket(sockets[0], server_hostname=host, do_handshake_on_connect=False)
            sockets.append(wrapped)
            wrapped.do_handshake()
        connection = http.client.HTTPConnection(host, port)
        connection.sock = sockets[-1]
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"User-Agent": "fraisier", "Connection": "close"})
        answer = connection.getresponse()
        body = answer.read(_BODY_LIMIT)
        answer.close()
    if answer.status != check.expect_status:
        location = answer.getheader("Location")
        towards = f" to {_short(location)}" if location else ""
        return False, f"got {answer.status}{towards} from {url}, want {check.expect_status}"
    return _expect(check, body.decode("utf-8", "replace"), f"got {answer.status} from {url}")


@contextmanager
def _cut_at(deadline: float, sockets: list[socket.socket]) -> Iterator[None]:
    """Bound the whole exchange: a socket's own timeout starts anew with every byte that drips in.

    The last socket is the one to cut: the ones before it were wrapped and have no connection any more.
    """
    cut = threading.Event()

    def cut_it() -> None:
        cut.set()
        with suppress(OSError):
            sockets[-1].shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), cut_it)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError):
        if cut.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        for sock in sockets:
            sock.close()
    if cut.is_set():
        raise TimeoutError


def _probe_tcp(address: str, timeout: float, reach: Reach) -> tuple[bool, str]:
    host, _, port = address.rpartition(":")
    reach.connect(host.strip("[]"), int(port), timeout).close()
    return True, f"{address} accepts connections"


def _probe_command(check: HealthCheck, reach: Reach) -> tuple[bool, str]:
    command = check.command or ""
    result = reach.run(command, check.probe_timeout)
    if result.exit_code != 0:
        last = (result.output.strip().splitlines() or ["no output"])[-1]
        return False, f"got exit code {result.exit_code} from {command}, want 0: {_short(last)}"
    return _expect(check, result.output, f"got exit code 0 from {command}")


def _expect(check: HealthCheck, body: str, found: str) -> tuple[bool, str]:
    if check.expect_body is None or check.expect_body in body:
        return True, found
    shown = body.strip().replace("\n", " ")[:120]
    return False, f"{found} with {shown!r}, want {check.expect_body!r} in it"


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "unknown host"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError):
        return "connection closed without an answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"no TLS ({(error.reason or str(error)).lower().replace('_', ' ')})"
    if isinstance(error, OSError):
        return _short(error.strerror or str(error) or type(error).__name__).lower()
    return _short(f"{type(error).__name__}: {error}")


def _short(text: str) -> str:
    """Return a text of the other side as one line of bounded length."""
    return " ".join(text.split())[:200]

"""One probe of the service on each host: what systemd says of the unit, then what `health_check` says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from fraisier import Health, HealthCheck, Target, probe

from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.host import Host
from fraisier_bare_metal.options import Options

_TOLD: Final = 3
"""So many hosts are told one by one, of those that are not healthy."""


def health_of(target: Target, fleet: Fleet) -> Health:
    """Probe every host once; all have to be healthy."""
    found = fleet.on_each(fleet.hosts, lambda host: health_of_host(host, target.health_check, fleet.options))
    if all(each.healthy for each in found.values()):
        for host in fleet.hosts:
            host.prove()
    if len(found) == 1:
        return next(iter(found.values()))
    bad = {name: each for name, each in found.items() if not each.healthy}
    latencies = [each.latency_seconds for each in found.values() if each.latency_seconds is not None]
    detail = "; ".join(f"{name}: {each.detail}" for name, each in islice(bad.items(), _TOLD))
    if len(bad) > _TOLD:
        detail += f"; and {len(bad) - _TOLD} more of {len(found)} hosts"
    return Health(
        healthy=not bad,
        detail=detail or f"all {len(found)} hosts: {next(iter(found.values())).detail}",
        latency_seconds=max(latencies, default=None),
        final=any(each.final for each in bad.values()),
    )


def health_of_host(host: Host, check: HealthCheck | None, options: Options) -> Health:
    """Probe one host, through its connection."""
    answer = begin_probe(check, host) if check else None
    unit = host.unit()
    unfit = unit.unfit(options.unit, check)
    if unfit is not None:
        return unfit
    if answer is None:
        return Health(healthy=True, detail=f"{options.unit} has been active for {unit.age or 0:.0f} s")
    return answer()


def probe_address(check: HealthCheck | None) -> str:
    """Return where a check connects to on the host itself, as `127.0.0.1/8000`, or nothing."""
    found = urlsplit(check.url or f"//{check.tcp or ''}") if check else None
    if found is None or found.hostname not in ("127.0.0.1", "localhost", "::1"):
        return ""
    return f"{found.hostname}/{found.port or (443 if found.scheme == 'https' else 80)}"


def begin_probe(check: HealthCheck, host: Host) -> Callable[[], Health]:
    """Begin a probe through the connection, and return what waits for its outcome.

    What is asked meanwhile costs no further round trip. A command is run when it is waited for, since the shell
    does one thing at a time.
    """
    if check.command is not None:
        return lambda: probe(check, host)
    outcome: Future[Health] = Future()

    def ask() -> None:
        try:
            outcome.set_result(probe(check, host))
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            outcome.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return outcome.result

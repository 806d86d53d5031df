"""One probe of the service on each host: what systemd says of the unit, then what `health_check` says."""

from __future__ import annotations

from fraisier import Health, HealthCheck, Target, probe

from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.host import Host
from fraisier_bare_metal.in_service import values_of
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.unit import Unit


def health_of(target: Target, fleet: Fleet) -> Health:
    """Probe every host once; all have to be healthy."""
    found = fleet.on_each(fleet.hosts, lambda host: health_of_host(host, target.health_check, fleet.options))
    if len(found) == 1:
        return next(iter(found.values()))
    bad = {name: each for name, each in found.items() if not each.healthy}
    latencies = [each.latency_seconds for each in found.values() if each.latency_seconds is not None]
    detail = "; ".join(f"{name}: {each.detail}" for name, each in bad.items())
    return Health(
        healthy=not bad,
        detail=detail or f"all {len(found)} hosts: {next(iter(found.values())).detail}",
        latency_seconds=max(latencies, default=None),
        final=any(each.final for each in bad.values()),
    )


def health_of_host(host: Host, check: HealthCheck | None, options: Options) -> Health:
    """Probe one host, through its connection."""
    told = host.look("unit", values_of(options))
    unit = Unit.of(told.data.get("unit", []), told.one("uptime"))
    unfit = unit.unfit(options.unit, check)
    if unfit is not None:
        return unfit
    if check is None:
        return Health(healthy=True, detail=f"{options.unit} has been active for {unit.age or 0:.0f} s")
    return probe(check, host)

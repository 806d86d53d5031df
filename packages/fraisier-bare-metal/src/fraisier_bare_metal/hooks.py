"""The six hooks of the provider `bare_metal`: each reads the options, finds the hosts, and hands over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from fraisier import Check, Deployed, Health, Progress, Release, Status, Target, hookimpl, read_options

from fraisier_bare_metal.options import Options

__all__ = ["Options", "deploy", "health", "logs", "pre_flight", "rollback", "status"]

# Fabric is imported when a host is first asked: `validate` and `schema` need the options only.


@hookimpl
def pre_flight(target: Target) -> list[Check]:
    """Look at every host for what a deployment needs there."""
    options = read_options(target, Options)
    from fraisier_bare_metal.checks import checks_of
    from fraisier_bare_metal.fleet import Fleet

    return checks_of(target, Fleet(target, options))


@hookimpl
def deploy(target: Target, release: Release, progress: Progress) -> Deployed:
    """Prepare the release everywhere, then switch and restart."""
    options = read_options(target, Options)
    from fraisier_bare_metal import deployment
    from fraisier_bare_metal.fleet import Fleet

    return deployment.deploy(target, Fleet(target, options), release, progress)


@hookimpl
def status(target: Target) -> Status:
    """Tell what systemd and the ledger on each host say."""
    options = read_options(target, Options)
    from fraisier_bare_metal.fleet import Fleet
    from fraisier_bare_metal.status import status_of

    return status_of(Fleet(target, options))


@hookimpl
def rollback(target: Target, release: Release, progress: Progress) -> Deployed:
    """Switch back to a kept release, or make the same commit anew."""
    options = read_options(target, Options)
    from fraisier_bare_metal import deployment
    from fraisier_bare_metal.fleet import Fleet

    return deployment.roll_back(target, Fleet(target, options), release, progress)


@hookimpl
def health(target: Target) -> Health:
    """Look at the unit, then probe through the SSH connection."""
    options = read_options(target, Options)
    from fraisier_bare_metal.fleet import Fleet
    from fraisier_bare_metal.health import health_of

    return health_of(target, Fleet(target, options))


@hookimpl
def logs(target: Target, lines: int, follow: bool, since: datetime | None) -> Iterable[str]:
    """Give the unit's journal, of several hosts with the host before each line."""
    options = read_options(target, Options)
    from fraisier_bare_metal.fleet import Fleet
    from fraisier_bare_metal.logs import read

    return read(Fleet(target, options), lines, follow, since)

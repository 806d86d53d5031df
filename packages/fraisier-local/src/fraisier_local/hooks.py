"""The six hooks of the provider `local`: each reads the options, finds the folder, and hands over.

A provider is this module and nothing more: it is named by an entry point in the group `fraisier.providers`, it
keeps nothing between two calls, and it exposes `Options` so that core can check `fraises.yaml` without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fraisier import Check, Deployed, Health, Progress, Release, Status, Target, hookimpl, read_options

from fraisier_local import deployment, service_log
from fraisier_local.checks import checks_of
from fraisier_local.health import health_of
from fraisier_local.in_service import status_of
from fraisier_local.layout import Layout, failing_as_target, layout_of
from fraisier_local.options import Options

__all__ = ["Options", "deploy", "health", "logs", "pre_flight", "rollback", "status"]


@hookimpl
def pre_flight(target: Target) -> list[Check]:
    """Look for git, the repository, the folder, the space on the disk, and a health check."""
    options = read_options(target, Options)
    with failing_as_target():
        return checks_of(target, options, layout_of(target, options))


@hookimpl
def deploy(target: Target, release: Release, progress: Progress) -> Deployed:
    """Fetch, export, build, stop the old process, switch, start the new one."""
    options = read_options(target, Options)
    with failing_as_target():
        return deployment.deploy(target, options, layout_of(target, options), release, progress)


@hookimpl
def status(target: Target) -> Status:
    """Tell what the process and the ledger say."""
    options = read_options(target, Options)
    with failing_as_target():
        return status_of(layout_of(target, options))


@hookimpl
def rollback(target: Target, release: Release, progress: Progress) -> Deployed:
    """Start an earlier release from its folder, or make it anew when that is gone."""
    options = read_options(target, Options)
    with failing_as_target():
        return deployment.roll_back(target, options, layout_of(target, options), release, progress)


@hookimpl
def health(target: Target) -> Health:
    """Look at the process, then probe as `health_check` says."""
    options = read_options(target, Options)
    with failing_as_target():
        return health_of(target, layout_of(target, options))


@hookimpl
def logs(target: Target, lines: int, follow: bool) -> Iterable[str]:
    """Give the last lines of `service.log`, and new ones as they come."""
    options = read_options(target, Options)
    return _read_log(layout_of(target, options), lines, follow)


def _read_log(layout: Layout, lines: int, follow: bool) -> Iterator[str]:
    # A generator of its own: a hook that yields would return before its first line has run.
    with failing_as_target():
        yield from service_log.read(layout.log, lines, follow)

"""The six hooks of the provider `coolify`: each reads the options, meets the server, and hands over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from fraisier import Check, Deployed, Health, Progress, Release, Status, Target, hookimpl, read_options

from fraisier_coolify.options import Options

__all__ = ["Options", "deploy", "health", "logs", "pre_flight", "rollback", "status"]

# requests is imported when Coolify is first asked: `validate` and `schema` need the options only.


@hookimpl
def pre_flight(target: Target) -> list[Check]:
    """Look at the server, the token, and the application."""
    options = read_options(target, Options)
    from fraisier_coolify.checks import checks_of
    from fraisier_coolify.coolify import Coolify

    return checks_of(target, Coolify(target, options))


@hookimpl
def deploy(target: Target, release: Release, progress: Progress) -> Deployed:
    """Set the version, queue a deployment, and follow it."""
    options = read_options(target, Options)
    from fraisier_coolify import deployment
    from fraisier_coolify.coolify import Coolify

    return deployment.deploy(Coolify(target, options), release, progress)


@hookimpl
def status(target: Target) -> Status:
    """Tell what Coolify's deployments and its status say."""
    options = read_options(target, Options)
    from fraisier_coolify.coolify import Coolify
    from fraisier_coolify.in_service import status_of

    return status_of(Coolify(target, options))


@hookimpl
def rollback(target: Target, release: Release, progress: Progress) -> Deployed:
    """Bring a release back, with the settings that it had."""
    options = read_options(target, Options)
    from fraisier_coolify.coolify import Coolify
    from fraisier_coolify.rollback import roll_back

    return roll_back(Coolify(target, options), release, progress)


@hookimpl
def health(target: Target) -> Health:
    """Probe as `health_check` says, then ask Coolify."""
    options = read_options(target, Options)
    from fraisier_coolify.coolify import Coolify
    from fraisier_coolify.health import health_of

    return health_of(target, Coolify(target, options))


@hookimpl
def logs(target: Target, lines: int, follow: bool, since: datetime | None) -> Iterable[str]:
    """Give the log of the container, or of the newest deployment where none runs."""
    options = read_options(target, Options)
    from fraisier_coolify.container_log import read
    from fraisier_coolify.coolify import Coolify

    return read(Coolify(target, options), lines, follow, since)

"""The six hooks of the provider `docker_compose`: each reads the options, finds the project, and hands over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from fraisier import Check, Deployed, Health, Progress, Release, Status, Target, hookimpl, read_options

from fraisier_compose.options import Options

__all__ = ["Options", "deploy", "health", "logs", "pre_flight", "rollback", "status"]

# What speaks to an engine is imported when one is first asked: `validate` and `schema` need the options only.


@hookimpl
def pre_flight(target: Target) -> list[Check]:
    """Look at the engine, the file, the registry and the ports for what a deployment needs."""
    options = read_options(target, Options)
    from fraisier_compose.checks import checks_of

    return checks_of(target, options)


@hookimpl
def deploy(target: Target, release: Release, progress: Progress) -> Deployed:
    """Pull, pin by digest, replace the containers, and wait for them."""
    options = read_options(target, Options)
    from fraisier_compose import deployment
    from fraisier_compose.project import project_of

    return deployment.deploy(target, project_of(target, options), release, progress)


@hookimpl
def status(target: Target) -> Status:
    """Tell what the containers and their labels say."""
    options = read_options(target, Options)
    from fraisier_compose.in_service import status_of
    from fraisier_compose.project import project_of

    return status_of(project_of(target, options))


@hookimpl
def rollback(target: Target, release: Release, progress: Progress) -> Deployed:
    """Put the recorded digests back in service."""
    options = read_options(target, Options)
    from fraisier_compose import deployment
    from fraisier_compose.project import project_of

    return deployment.roll_back(target, project_of(target, options), release, progress)


@hookimpl
def health(target: Target) -> Health:
    """Look at the containers, then probe as `health_check` says."""
    options = read_options(target, Options)
    from fraisier_compose.health import health_of
    from fraisier_compose.project import project_of

    return health_of(target, project_of(target, options))


@hookimpl
def logs(target: Target, lines: int, follow: bool, since: datetime | None) -> Iterable[str]:
    """Give what the containers have written, of several with the container before each line."""
    options = read_options(target, Options)
    from fraisier_compose import logs as of_containers
    from fraisier_compose.project import project_of

    project = project_of(target, options)
    if follow:
        return of_containers.follow(project.docker, project.look(), lines, since)
    return of_containers.read(project.docker, project.look(), lines, since)

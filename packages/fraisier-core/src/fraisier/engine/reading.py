"""What changes nothing: status, health, logs, the list, and the look before a deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from fraisier.contract.errors import FraisierError, TargetError
from fraisier.contract.models import JSON, Check, Health, Release, State, Status, Target
from fraisier.contract.parallel import in_parallel
from fraisier.engine.attempt import drift, failing_as_pre_flight
from fraisier.engine.configuration.config import Place
from fraisier.engine.project import Project
from fraisier.engine.providers.provider import Provider
from fraisier.engine.state.history import History
from fraisier.engine.state.records import FraiseState
from fraisier.engine.waiting import expecting

_AT_ONCE = 8

Warn = Callable[[str], None]


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """One element of `fraisier status --json`."""

    fraise: str
    environment: str
    provider: str
    state: State
    version: str | None
    revision: str | None
    since: datetime | None
    details: Mapping[str, JSON]


class ListedFraise(msgspec.Struct, frozen=True, kw_only=True):
    """One element of `fraisier list --json`: what the history knows, without asking the target."""

    fraise: str
    environment: str
    provider: str
    type: str | None
    version: str | None
    status: str | None
    deployed_at: datetime | None


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fraisier health --json`."""

    fraise: str
    environment: str
    healthy: bool
    detail: str
    latency_seconds: float | None


class ProviderTest(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `fraisier provider-test --json`."""

    passed: bool
    checks: list[Check]


def in_use(project: Project, place: Place) -> Place:
    """Return the place itself, or its fallback where the last successful deployment went there."""
    if place.fallback is None or not project.database_path.exists():
        return place
    with project.database() as database:
        return _used(place, History(database).fraise_state(place.fraise, place.environment))


def _used(place: Place, state: FraiseState | None) -> Place:
    if place.fallback is None or state is None or not state.fallback or state.provider != place.fallback.provider:
        return place
    return place.fallback


def status(project: Project, place: Place, warn: Warn) -> StatusReport:
    """Ask a target what is in service, and hold it against the history."""
    place = in_use(project, place)
    with project.opened(place, warn) as (provider, target), project.database() as database:
        told = provider.status(target)
        history = History(database)
        history.close_interrupted(place.fraise, place.environment)
        differs = drift(history, place, told)
    return _report(place, told, {"drift": differs} if differs else {})


def statuses(project: Project, places: Sequence[Place], warn: Warn) -> list[StatusReport]:
    """Ask several targets at the same time; one that cannot be asked is `unknown` and says why."""

    def ask(place: Place) -> StatusReport:
        try:
            return status(project, place, warn)
        except FraisierError as error:
            return _report(place, Status(state="unknown", details={"error": str(error)}), {})

    return in_parallel(places, ask, at_once=_AT_ONCE)


def health(project: Project, place: Place, warn: Warn) -> HealthReport:
    """Probe once, wanting the version that the target tells to be in service."""
    place = in_use(project, place)
    with project.opened(place, warn) as (provider, target):
        found = _looked(provider, target)
    return HealthReport(
        fraise=place.fraise,
        environment=place.environment,
        healthy=found.healthy,
        detail=found.detail,
        latency_seconds=found.latency_seconds,
    )


def _looked(provider: Provider, target: Target) -> Health:
    """Probe; a target that cannot be asked is not healthy."""
    check = target.health_check
    try:
        if check is not None and check.expect_body and "{" in check.expect_body:
            release = provider.status(target).release or Release()
            target = expecting(target, release.version, release.revision)
        return provider.health(target)
    except TargetError as error:
        return Health(healthy=False, detail=error.message)


def logs(
    project: Project, place: Place, lines: int, follow: bool, warn: Warn, since: datetime | None = None
) -> Iterator[str]:
    """Give the service's own log, line by line."""
    with project.opened(in_use(project, place), warn) as (provider, target):
        yield from provider.logs(target, lines, follow, since)


def provider_test(project: Project, place: Place, warn: Warn) -> ProviderTest:
    """Run the provider's pre-flight checks and nothing else."""
    with project.opened(place, warn) as (provider, target), failing_as_pre_flight():
        checks = provider.pre_flight(target)
    return ProviderTest(passed=all(check.passed or not check.required for check in checks), checks=checks)


def listed(project: Project) -> list[ListedFraise]:
    """Return every fraise and environment with what the history knows of it."""
    with project.database() as database:
        history = History(database)
        history.close_interrupted()
        known = history.fraise_states()
    found = []
    for place in project.config.places.values():
        state = known.get((place.fraise, place.environment))
        found.append(
            ListedFraise(
                fraise=place.fraise,
                environment=place.environment,
                provider=_used(place, state).provider,
                type=place.type,
                version=state.version if state else None,
                status=state.status if state else None,
                deployed_at=state.deployed_at if state else None,
            )
        )
    return found


def _report(place: Place, told: Status, more: Mapping[str, JSON]) -> StatusReport:
    return StatusReport(
        fraise=place.fraise,
        environment=place.environment,
        provider=place.provider,
        state=told.state,
        version=told.release.version if told.release else None,
        revision=told.release.revision if told.release else None,
        since=told.since,
        details={**told.details, **more},
    )

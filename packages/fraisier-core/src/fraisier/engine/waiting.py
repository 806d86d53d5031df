"""Waiting for a service to become healthy: a poll with back-off and a deadline."""

from __future__ import annotations

import time

import msgspec

from fraisier.contract.errors import TargetError, UnhealthyError
from fraisier.contract.models import Health, HealthCheck, Target
from fraisier.contract.progress import Progress
from fraisier.engine.providers.provider import Provider

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_GROWTH = 1.5
_DEFAULT_TIMEOUT = 30.0


def expecting(target: Target, version: str | None, revision: str | None) -> Target:
    """Return the target with a health check that wants this release, where it wants any."""
    if target.health_check is None:
        return target
    return msgspec.structs.replace(target, health_check=target.health_check.expecting(version, revision))


def wait_until_healthy(
    provider: Provider, target: Target, version: str | None, revision: str | None, progress: Progress
) -> Health:
    """Probe until the service is healthy.

    Raises:
        UnhealthyError: the deadline passed, or the provider says that waiting is of no use.
    """
    asked = expecting(target, version, revision)
    timeout = _timeout(asked.health_check)
    started = time.monotonic()
    pause, said = _FIRST_PAUSE, ""
    while True:
        health = _probe(provider, asked)
        if health.healthy:
            return health
        if health.detail != said:
            said = health.detail
            progress.line(said)
        waited = time.monotonic() - started
        if health.final or waited >= timeout:
            raise UnhealthyError(
                f"{target.identifier} is not healthy after {waited:.1f} s: {health.detail}",
                hint=f"see: fraisier logs {target.fraise} {target.environment}",
            )
        time.sleep(min(pause, timeout - waited))
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def _timeout(check: HealthCheck | None) -> float:
    return _DEFAULT_TIMEOUT if check is None else check.timeout


def _probe(provider: Provider, target: Target) -> Health:
    """Probe once; a target that cannot be asked just now counts as not healthy yet."""
    try:
        return provider.health(target)
    except TargetError as error:
        return Health(healthy=False, detail=error.message)

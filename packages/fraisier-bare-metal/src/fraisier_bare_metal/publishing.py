"""Putting a release in service that is prepared: in batches, each of which has to be healthy before the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from fraisier import DeploymentLockedError, FraisierError, Progress, Target, TargetError

from fraisier_bare_metal.fleet import Fleet
from fraisier_bare_metal.health import health_of_host, probe_address
from fraisier_bare_metal.host import Host
from fraisier_bare_metal.ledger import entry, in_json, rolled_back
from fraisier_bare_metal.options import Options
from fraisier_bare_metal.result import Result
from fraisier_bare_metal.status import Present

T = TypeVar("T")
_POLL: Final = 0.2
_UNTOUCHED: Final = "not touched"
_PUBLISHED: Final = "published"


def publish(
    target: Target,
    fleet: Fleet,
    hosts: Sequence[Host],
    present: Mapping[str, Present],
    values: Mapping[str, Any],
    progress: Progress,
    before: str = "",
    failed: dict[str, FraisierError] | None = None,
) -> Mapping[str, Result]:
    """Put the release in service, batch by batch; the first batch that fails is the last one.

    Args:
        target: whose release it is.
        fleet: the target's hosts.
        hosts: those of them that get it.
        present: how they were found.
        values: the variables of the scripts.
        progress: hears steps and lines.
        before: the scripts that prepare it, where that was not done.
        failed: takes the errors of hosts that fail, and all the others get the release: the way back.
    """
    options = fleet.options
    values = {**values, "probe_address": probe_address(target.health_check)}
    # In place, it is built again where it has to be taken back.
    timeout = options.prepare_timeout * (2 if before else 1) + options.deadlines.restart
    outcomes = {host.name: _UNTOUCHED for host in hosts}

    def put_in_service(host: Host) -> Result:
        known = {**values, **_records(target, options, present[host.name], values)}
        heard = fleet.progress(progress, host)
        found = host.change(f"{before} publish", known, timeout, heard, undo="undo")
        if not found.one("unchanged"):
            told = [found.one(name) or str(values.get(name)) for name in ("version", "revision")]
            host.published(found, entry(target, "started", found.one("release") or str(values["id"]), *told))
        outcomes[host.name] = _PUBLISHED
        return found

    healthy = _until_healthy(target, fleet, str(values["version"]), str(values["revision"]))
    done: dict[str, Result] = {}
    for batch in _batches(hosts, options.batch):
        errors: dict[str, FraisierError] = {}
        try:
            with fleet.step(progress, "publish", batch):
                done |= fleet.on_each(batch, _noting(errors, put_in_service))
                if len(hosts) > len(batch):
                    fleet.on_each(batch, _noting(errors, healthy))
        except FraisierError as error:
            nothing_done = _PUBLISHED not in outcomes.values()
            if failed is None or (nothing_done and isinstance(error, DeploymentLockedError)):
                told = _told(error, outcomes | {name: each.message for name, each in errors.items()})
                if told is error:
                    raise
                raise told from error
            failed |= errors
    return done


def _told(error: FraisierError, outcomes: Mapping[str, str]) -> FraisierError:
    """Return the error with the outcome of each host, where some are untouched or have the release."""
    if not set(outcomes.values()) & {_UNTOUCHED, _PUBLISHED}:
        return error
    problems = [f"{name}: {outcome}" for name, outcome in outcomes.items()]
    if isinstance(error, DeploymentLockedError) and _PUBLISHED in outcomes.values():
        # What some hosts have already is to be taken back, whoever is at work on another one.
        return TargetError(error.message, hint=error.hint, problems=problems)
    error.problems = problems
    return error


def _noting(errors: dict[str, FraisierError], work: Callable[[Host], T]) -> Callable[[Host], T]:
    """Return what does the same and notes on which host it failed, so that the result can name each."""

    def noted(host: Host) -> T:
        try:
            return work(host)
        except FraisierError as error:
            errors[host.name] = error
            raise

    return noted


def _until_healthy(target: Target, fleet: Fleet, version: str, revision: str) -> Callable[[Host], None]:
    """Return what waits until a host is healthy, before the next batch gives up what works."""
    check = target.health_check.expecting(version, revision) if target.health_check else None
    timeout = check.timeout if check else 30.0

    def wait(host: Host) -> None:
        deadline = time.monotonic() + timeout
        while not (found := health_of_host(host, check, fleet.options)).healthy:
            if found.final or time.monotonic() > deadline:
                hint = f"see: fraisier logs {target.fraise} {target.environment}"
                said = f"{host.name} is not healthy: {found.detail}"
                raise TargetError(said, hint=hint, log=_log_of(host, fleet.options))
            if fleet.interrupted.wait(_POLL):
                raise TargetError(f"{host.name} was not waited for any longer")

    return wait


def _log_of(host: Host, options: Options) -> list[str]:
    """Return the last lines of the unit's journal."""
    return host.look("log", {"count": 50, "since": "", "follow": False}).lines[-50:]


def _batches(hosts: Sequence[Host], size: int | None) -> list[Sequence[Host]]:
    step = size or max(1, len(hosts))
    return [hosts[start : start + step] for start in range(0, len(hosts), step)]


def _records(target: Target, options: Options, present: Present, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a host enters into its ledger, and the releases that it has to keep."""
    standing, back = present.ledger.standing(), bool(values["rolling_back"])
    # A release that is new is kept besides.
    count = max(options.keep_releases, 2) - (0 if back else 1)
    kept = [*standing[:count], *present.ledger.proven()[:1]]
    leaves = back and bool(standing) and standing[0].id != values["id"]
    return {
        "target": in_json(target.identifier),
        "deployment": in_json(target.deployment_id),
        "who": in_json(target.user),
        "moment": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "rolled_back": rolled_back(target, standing[0]).line() if leaves else "",
        "keep": [each.id for each in kept],
    }

"""Deploying and rolling back, in the order in which it happens."""

from __future__ import annotations

import msgspec

from fraisier.contract.errors import PreFlightError, RollbackFailedError, TargetError
from fraisier.contract.models import Check, Deployed, Deployment, Release, Status
from fraisier.engine.attempt import Attempt, attempt, drift, failing_as_pre_flight, restated
from fraisier.engine.candidates import release_before, rollback_candidate
from fraisier.engine.configuration.config import Place
from fraisier.engine.interrupts import interruptible
from fraisier.engine.progress import Display
from fraisier.engine.project import Project
from fraisier.engine.recovery import (
    NothingChangedError,
    as_deployed,
    bring_back,
    give_up_rollback,
    note_left_behind,
    recover,
    wait,
)


class DeployRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `fraisier deploy` was asked to do."""

    version: str | None = None
    force: bool = False
    rollback: bool = True
    wait_lock: float = 0.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment would do: the document of `--dry-run`."""

    dry_run: bool = True
    fraise: str
    environment: str
    provider: str
    version: str | None
    current_version: str | None
    current_revision: str | None
    checks: list[Check]


def deploy(project: Project, place: Place, request: DeployRequest, display: Display) -> Deployment:
    """Deploy, and where the target fails before anything changed, deploy to its fallback.

    Raises:
        FraisierError: with the record of the attempt attached, where there is one.
    """
    with interruptible():
        try:
            return _deploy_to(project, place, request, display)
        except (PreFlightError, NothingChangedError) as failure:
            if place.fallback is None:
                raise
            display.warn(f"{failure.message}; falling back to {place.fallback.provider}")
            return _deploy_to(project, place.fallback, request, display)


def _deploy_to(project: Project, place: Place, request: DeployRequest, display: Display) -> Deployment:
    with attempt(project, place, "deploy", request.version, display, request.wait_lock) as current:
        with current.progress.step("pre-flight"):
            status = _pre_flight(current, display)
        release = Release(version=request.version, force=request.force)
        while True:
            note_left_behind(current, status)
            before = release_before(current.history, place, status)
            current.note_previous(before)
            deployed: Deployed | None = None
            try:
                deployed = current.provider.deploy(current.target, release, current.progress)
                current.note_deployed(deployed)
                wait(current, deployed)
            except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 - raises, when all is put right
                if deployed is None and current.waits_for(failure):
                    # They may have put something else in service.
                    status = _status(current)
                    continue
                recover(current, failure, status, before, deployed, request.rollback, display)
            return current.succeed("success" if deployed.changed else "unchanged")


def plan(project: Project, place: Place, version: str | None, display: Display) -> Plan:
    """Look whether a deployment could work and tell what it would replace, changing and recording nothing."""
    with interruptible(), project.opened(place, display.warn, version=version) as (provider, target):
        with failing_as_pre_flight():
            checks = provider.pre_flight(target)
            release = provider.status(target).release or Release()
        return Plan(
            fraise=place.fraise,
            environment=place.environment,
            provider=place.provider,
            version=version,
            current_version=release.version,
            current_revision=release.revision,
            checks=checks,
        )


def rollback(
    project: Project, place: Place, to: str | None, display: Display, wait_lock: float = 0.0
) -> Deployment:
    """Put an earlier successful release back in service: the one before, or the one that `to` names.

    Raises:
        FraisierError: with the record of the attempt attached, where there is one.
    """
    with interruptible(), attempt(project, place, "rollback", to, display, wait_lock) as current:
        while True:
            try:
                status = current.provider.status(current.target)
            except TargetError as error:
                raise restated(RollbackFailedError, error, error.message) from error
            note_left_behind(current, status)
            before = status.release
            current.note_previous(before)
            release = rollback_candidate(current.history, place, status, to)
            in_service = before is not None and before.revision == release.revision and status.state == "running"
            try:
                if in_service:
                    wait(current, as_deployed(release))
                    return _unchanged(current, release)
                deployed = bring_back(current, release)
                current.note_deployed(deployed)
                wait(current, deployed)
            except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 - raises, when all is put right
                if current.waits_for(failure):
                    continue
                give_up_rollback(current, failure, status, display)
            return current.succeed("success")


def _pre_flight(current: Attempt, display: Display) -> Status:
    """Hold the target to its checks and return what is in service there."""
    with failing_as_pre_flight():
        _require(current.provider.pre_flight(current.target), display)
    status = _status(current)
    if said := drift(current.history, current.place, status):
        display.warn(said)
    return status


def _status(current: Attempt) -> Status:
    with failing_as_pre_flight():
        return current.provider.status(current.target)


def _require(checks: list[Check], display: Display) -> None:
    """Stop at failed checks, all of them told at once; those that are not required are warnings."""
    failed = [check for check in checks if not check.passed and check.required]
    for check in checks:
        if not check.passed and not check.required:
            display.warn(check_sentence(check))
    if failed:
        problems = [check_sentence(check) for check in failed]
        message = f"pre-flight failed: {failed[0].name}: {failed[0].detail}"
        if len(failed) > 1:
            message = f"pre-flight failed: {len(failed)} checks: {', '.join(check.name for check in failed)}"
        raise PreFlightError(message, problems=problems, hint=failed[0].hint)


def check_sentence(check: Check) -> str:
    """Return a check as one line: its name, what was found, what to do."""
    found = f"{check.name}: {check.detail}" if check.detail else check.name
    return f"{found}; {check.hint}" if check.hint and not check.passed else found


def _unchanged(current: Attempt, release: Release) -> Deployment:
    current.note_deployed(as_deployed(release))
    return current.succeed("unchanged")

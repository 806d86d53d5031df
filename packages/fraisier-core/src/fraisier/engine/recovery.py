"""Putting the old version back when a deployment or a rollback fails."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NoReturn

from fraisier.contract.errors import (
    DeploymentFailedError,
    DeploymentLockedError,
    FraisierError,
    InterruptedByUserError,
    LeaseLostError,
    RollbackFailedError,
    RolledBackError,
    TargetError,
    UnhealthyError,
)
from fraisier.contract.models import Deployed, Release, Status
from fraisier.engine.attempt import LOG_LINES, Attempt, as_error, restated, shown
from fraisier.engine.interrupts import shielded
from fraisier.engine.progress import Display
from fraisier.engine.waiting import wait_until_healthy


class NothingChangedError(DeploymentFailedError):
    """The deployment failed before it changed anything, so that another target may be tried."""


def as_deployed(release: Release) -> Deployed:
    """Return a release that is in service as what a provider would tell of it."""
    return Deployed(
        version=release.version or release.revision or "",
        revision=release.revision or "",
        details=release.details,
        changed=False,
    )


def wait(current: Attempt, deployed: Deployed) -> None:
    """Wait for the health of what was put in service."""
    with current.progress.step("health"):
        wait_until_healthy(current.provider, current.target, deployed.version, deployed.revision, current.progress)


def bring_back(current: Attempt, release: Release) -> Deployed:
    """Have the provider bring a release back, and hold it to the revision."""
    deployed = current.provider.rollback(current.target, release, current.progress)
    if deployed.revision != release.revision:
        wanted, got = shown(release.version, release.revision), shown(deployed.version, deployed.revision)
        raise RollbackFailedError(f"{current.name} was to go back to {wanted} and came to {got}")
    return deployed


def go_back(current: Attempt, release: Release) -> None:
    """Bring a release back and wait for its health."""
    wait(current, bring_back(current, release))


def recover(
    current: Attempt,
    failure: BaseException,
    status: Status,
    before: Release | None,
    deployed: Deployed | None,
    may_roll_back: bool,
    display: Display,
) -> NoReturn:
    """Leave in service what was in service before, record how it went, and raise the error that says so."""
    with _shielded(display):
        error = _explained(current, failure)
        _raise_if_not_ours(current, error)
        untouched = deployed is None and _same_in_service(current, status, note=True)
        left = deployed is not None and not deployed.changed
        if not untouched and not left and may_roll_back and before is not None:
            _roll_back_failed_deploy(current, error, before, display)
    if isinstance(error, InterruptedByUserError):
        current.fail("interrupted", error)
    if deployed is not None:
        kept = ""
        if not may_roll_back:
            kept = "; it stays in service, as --no-rollback asks"
        elif deployed.changed:
            kept = "; it stays in service, since there is no version to go back to"
        current.fail("failed", restated(UnhealthyError, error, error.message + kept))
    if untouched and not isinstance(error, TargetError):
        # Bad options, a broken provider: nothing to add, and each has an exit code of its own.
        current.fail("failed", error)
    if untouched:
        still = "the old version is still in service" if status.release else "nothing was in service before"
        current.fail("failed", restated(NothingChangedError, error, f"{error.message}; {still}"))
    why = "it was not rolled back, as --no-rollback asks" if before else "there is no version to go back to"
    current.fail("failed", restated(DeploymentFailedError, error, f"{error.message}; {why}"))


def _roll_back_failed_deploy(
    current: Attempt, error: FraisierError, before: Release, display: Display
) -> NoReturn:
    back = shown(before.version, before.revision)
    display.warn(f"{error.message}; going back to {back}")
    try:
        with current.progress.step(f"roll back to {back}"):
            go_back(current, before)
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 - told in the message
        second = as_error(failure, current.name)
        # How it is now counts.
        error.problems = second.problems or error.problems
        message = f"{error.message}; going back to {back} failed too: {second.message}"
        current.fail("failed", restated(RollbackFailedError, error, message, second.hint))
    current.note_gone_back()
    if isinstance(error, InterruptedByUserError):
        error.message += f"; {back} is back in service"
        current.fail("interrupted", error)
    current.fail("rolled_back", restated(RolledBackError, error, f"{error.message}; rolled back to {back}"))


def give_up_rollback(current: Attempt, failure: BaseException, status: Status, display: Display) -> NoReturn:
    """Put back what was in service before a rollback that failed, so that something is."""
    with _shielded(display):
        error = _explained(current, failure)
        _raise_if_not_ours(current, error)
        message = error.message
        if status.release is not None and status.state == "running" and not _same_in_service(current, status):
            back = shown(status.release.version, status.release.revision)
            try:
                with current.progress.step(f"put {back} back"):
                    go_back(current, status.release)
                message += f"; {back} is back in service"
                error.problems = []
            except (Exception, KeyboardInterrupt) as failure_too:  # noqa: BLE001 - told in the message
                second = as_error(failure_too, current.name)
                message += f"; putting {back} back failed too: {second.message}"
                error.problems = second.problems or error.problems
    if isinstance(error, InterruptedByUserError):
        error.message = message
        current.fail("interrupted", error)
    current.fail("failed", restated(RollbackFailedError, error, message))


def _shielded(display: Display) -> AbstractContextManager[None]:
    """Let the first Ctrl-C wait until the old version is back."""
    return shielded(lambda: display.warn("putting the old version back first; press Ctrl-C again to stop at once"))


def _raise_if_not_ours(current: Attempt, error: FraisierError) -> None:
    """Keep away from a target on which somebody else is at work: what changed there may be theirs."""
    if isinstance(error, LeaseLostError):
        raise error
    if isinstance(error, DeploymentLockedError):
        current.fail("failed", error)


def _explained(current: Attempt, failure: BaseException) -> FraisierError:
    """Return a failure as an error that carries, where the service can tell it, the service's log."""
    error = as_error(failure, current.name)
    if not error.log and isinstance(error, TargetError | UnhealthyError):
        log: list[str] = []
        try:
            log.extend(current.provider.logs(current.target, LOG_LINES, False))
        except FraisierError as silent:
            # Of several hosts, the others may have told theirs.
            log.append(f"(no log: {silent.message})")
        error.log = log
    return error


def _same_in_service(current: Attempt, before: Status, note: bool = False) -> bool:
    """Tell whether the target says that nothing has changed; a target that cannot be asked is not trusted.

    What a failed deployment has left in service is recorded as its own, so that nobody ever goes back to it.
    """
    try:
        now = current.provider.status(current.target)
    except FraisierError:
        return False
    found, old = now.release or Release(), before.release or Release()
    # The same revision may have been released again, or on some hosts only.
    same = (found.revision, found.details) == (old.revision, old.details)
    if note and found.revision is not None and found.revision != old.revision:
        current.note_deployed(as_deployed(found))
    return same and now.state == before.state


def note_left_behind(current: Attempt, status: Status) -> None:
    """Record what a killed deployment has put in service, if that is what the target tells now."""
    told = status.release
    if told is None or told.revision is None:
        return
    target, history = current.target, current.history
    if history.outcome_of(target.fraise, target.environment, told.revision) != "unknown":
        return
    for earlier in history.recent(fraise=target.fraise, environment=target.environment):
        if earlier.status in ("success", "unchanged"):
            return
        # Whoever ends in order has looked what was left; only the killed have no duration.
        killed = earlier.status == "interrupted" and earlier.duration_seconds is None
        may_be_it = earlier.provider == target.provider and earlier.version in (None, told.version)
        if killed and may_be_it and earlier.revision is None:
            history.note_deployed(earlier.id, told.version, told.revision, told.details)
            return

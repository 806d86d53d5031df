"""Putting the old version back when a deployment or a rollback fails."""

from __future__ import annotations

from typing import NoReturn

from fraisier.contract.errors import (
    DeploymentFailedError,
    FraisierError,
    InterruptedByUserError,
    LeaseLostError,
    RollbackFailedError,
    RolledBackError,
    TargetError,
    UnhealthyError,
)
from fraisier.contract.models import Deployed, Release, Status
from fraisier.engine.attempt import Attempt, as_error, shown
from fraisier.engine.interrupts import shielded
from fraisier.engine.progress import Display
from fraisier.engine.waiting import wait_until_healthy

_LOG_LINES = 50


def wait(current: Attempt, deployed: Deployed) -> None:
    """Wait for the health of what was put in service."""
    with current.progress.step("health"):
        wait_until_healthy(current.provider, current.target, deployed.version, deployed.revision, current.progress)


def go_back(current: Attempt, release: Release) -> None:
    """Have the provider bring a release back, hold it to the revision, and wait for its health."""
    deployed = current.provider.rollback(current.target, release, current.progress)
    if deployed.revision != release.revision:
        wanted, got = shown(release.version, release.revision), shown(deployed.version, deployed.revision)
        raise RollbackFailedError(f"{current.name} was to go back to {wanted} and came to {got}")
    if current.record.kind == "rollback":
        current.note_deployed(deployed)
    wait(current, deployed)


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
    error = _explained(current, failure)
    if isinstance(error, LeaseLostError):
        raise error
    interrupted = isinstance(error, InterruptedByUserError)
    with shielded(lambda: display.warn("putting the old version back first; press Ctrl-C again to stop at once")):
        untouched = deployed is None and _same_in_service(current, status)
        left = deployed is not None and not deployed.changed
        if not untouched and not left and may_roll_back and before is not None:
            _roll_back_failed_deploy(current, error, before, display)
    if interrupted:
        current.fail("interrupted", error)
    if deployed is not None:
        kept = "" if may_roll_back else "; it stays in service, as --no-rollback asks"
        current.fail("failed", _restated(UnhealthyError, error, error.message + kept))
    if untouched and not isinstance(error, TargetError):
        # Bad options, a held lock, a broken provider: nothing to add, and each has an exit code of its own.
        current.fail("failed", error)
    what = (
        "the old version is still in service" if untouched and status.release else "nothing was in service before"
    )
    if not untouched and before is not None:
        what = "it was not rolled back, as --no-rollback asks"
    current.fail("failed", _restated(DeploymentFailedError, error, f"{error.message}; {what}"))


def _roll_back_failed_deploy(
    current: Attempt, error: FraisierError, before: Release, display: Display
) -> NoReturn:
    back = shown(before.version, before.revision)
    display.warn(f"{error.message}; going back to {back}")
    error.step = error.step or current.progress.failed_step
    try:
        with current.progress.step(f"roll back to {back}"):
            go_back(current, before)
    except (Exception, KeyboardInterrupt) as failure:
        second = as_error(failure, current.name)
        if isinstance(second, LeaseLostError):
            raise second from failure
        message = f"{error.message}; going back to {back} failed too: {second.message}"
        current.fail("failed", _restated(RollbackFailedError, error, message, second.hint))
    if isinstance(error, InterruptedByUserError):
        error.message += f"; {back} is back in service"
        current.fail("interrupted", error)
    current.fail("rolled_back", _restated(RolledBackError, error, f"{error.message}; rolled back to {back}"))


def give_up_rollback(current: Attempt, failure: BaseException, status: Status, display: Display) -> NoReturn:
    """Put back what was in service before a rollback that failed, so that something is."""
    error = _explained(current, failure)
    if isinstance(error, LeaseLostError):
        raise error
    message = error.message
    with shielded(lambda: display.warn("putting the old version back first; press Ctrl-C again to stop at once")):
        if status.release is not None and status.state == "running" and not _same_in_service(current, status):
            back = shown(status.release.version, status.release.revision)
            try:
                with current.progress.step(f"put {back} back"):
                    go_back(current, status.release)
                message += f"; {back} is back in service"
            except (Exception, KeyboardInterrupt) as failure_too:  # noqa: BLE001 - told in the message
                message += f"; putting {back} back failed too: {as_error(failure_too, current.name).message}"
    if isinstance(error, InterruptedByUserError):
        error.message = message
        current.fail("interrupted", error)
    current.fail("failed", _restated(RollbackFailedError, error, message))


def _explained(current: Attempt, failure: BaseException) -> FraisierError:
    """Return a failure as an error that carries its step and, where the service can tell it, the service's log."""
    error = as_error(failure, current.name)
    error.step = error.step or current.progress.failed_step
    if not error.log and isinstance(error, TargetError | UnhealthyError):
        try:
            error.log = list(current.provider.logs(current.target, _LOG_LINES, False))[-_LOG_LINES:]
        except FraisierError as silent:
            error.log = [f"(no log: {silent.message})"]
    return error


def _same_in_service(current: Attempt, before: Status) -> bool:
    """Tell whether the target says that nothing has changed; a target that cannot be asked is not trusted."""
    try:
        now = current.provider.status(current.target)
    except FraisierError:
        return False
    then = before.release.revision if before.release else None
    return (now.release.revision if now.release else None) == then and now.state == before.state


def _restated(kind: type[FraisierError], error: FraisierError, message: str, hint: str = "") -> FraisierError:
    """Return an error of another kind that keeps all that the first one knew."""
    new = kind(message, hint=hint or error.hint, problems=error.problems, command=error.command, log=error.log)
    new.step = error.step
    new.__cause__ = error
    return new

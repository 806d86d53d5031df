"""One attempt to change what is in service: its lock, its row in the history, its steps, its end."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal, NoReturn

from fraisier.contract.errors import (
    DeploymentLockedError,
    FraisierError,
    InternalError,
    InterruptedByUserError,
    LeaseLostError,
    PreFlightError,
    TargetChangedError,
    TargetError,
)
from fraisier.contract.models import Deployed, Deployment, DeploymentStatus, Release, Status, Target
from fraisier.engine.configuration.config import Place
from fraisier.engine.configuration.redaction import redacted_configuration
from fraisier.engine.progress import Display, RecordedProgress
from fraisier.engine.project import Project, operator
from fraisier.engine.providers.provider import Provider
from fraisier.engine.state.history import History
from fraisier.engine.state.locks import DeploymentLock
from fraisier.engine.state.patience import Patience

_HEXADECIMAL: Final = re.compile(r"[0-9a-f]{8,}")
_SURPRISES: Final = 3
"""So often a target may change under our eyes."""
LOG_LINES = 50
"""How much of a log a failure carries."""


class Attempt:
    """What the order of a deployment works on, from the moment when the lock is held."""

    def __init__(
        self,
        record: Deployment,
        place: Place,
        provider: Provider,
        target: Target,
        history: History,
        progress: RecordedProgress,
        patience: Patience,
    ) -> None:
        self.record = record
        self.place = place
        self.provider = provider
        self.target = target
        self.history = history
        self.progress = progress
        self._patience = patience
        self._surprises = 0
        self._ended = False

    @property
    def name(self) -> str:
        """What messages call this target."""
        return f"{self.target.fraise} {self.target.environment}"

    def note_previous(self, release: Release | None) -> None:
        """Record the release to go back to; nothing is changed from here on unless the lock is still held."""
        known = release or Release()
        self.history.note_previous(self.record.id, known.version, known.revision)

    def note_deployed(self, deployed: Deployed) -> None:
        """Record what the provider has put in service, before anybody knows whether it is healthy."""
        self.history.note_deployed(self.record.id, deployed.version, deployed.revision, deployed.details)

    def note_gone_back(self) -> None:
        """Record that the release to go back to is in service again."""
        self.history.note_gone_back(self.record.id)

    def waits_for(self, failure: BaseException) -> bool:
        """Pause, where a try failed because somebody else is at work on the target and we may wait for them.

        Where they had ended before we were to begin, nobody has to be waited for.
        """
        if isinstance(failure, TargetChangedError) and self._surprises < _SURPRISES:
            self._surprises += 1
            return True
        if isinstance(failure, LeaseLostError) or not isinstance(failure, DeploymentLockedError):
            return False
        return self._patience.wait(failure)

    def succeed(self, status: Literal["success", "unchanged"]) -> Deployment:
        """Record the good end."""
        return self._end(status, None)

    def fail(self, status: DeploymentStatus, error: FraisierError) -> NoReturn:
        """Record the bad end and raise its error, with the record attached."""
        error.step = error.step or self.progress.failed_step
        error.log = error.log[-LOG_LINES:]
        error.deployment = self._end(status, error)
        raise error

    def end_with(self, failure: BaseException) -> NoReturn:
        """Record the end that an exception out of the order means, unless it is recorded, and raise its error."""
        error = as_error(failure, self.name)
        if self._ended or isinstance(error, LeaseLostError):
            raise error
        self.fail("interrupted" if isinstance(error, InterruptedByUserError) else "failed", error)

    def _end(self, status: DeploymentStatus, error: FraisierError | None) -> Deployment:
        document = None if error is None else error_document(error)
        self.record = self.history.finish(self.record.id, status=status, error=document, steps=self.progress.steps)
        self._ended = True
        self.provider.deployment_finished(self.record)
        return self.record


@contextmanager
def attempt(
    project: Project,
    place: Place,
    kind: Literal["deploy", "rollback"],
    version: str | None,
    display: Display,
    wait_lock: float,
) -> Iterator[Attempt]:
    """Open the target, take its lock, report what was interrupted before, and record this attempt to its end."""
    deployment_id = str(uuid.uuid4())
    # What a rollback names is looked up in the history first.
    asked = version if kind == "deploy" else None
    lock = DeploymentLock(
        place.identifier,
        place.provider,
        database=project.database_path,
        holder=operator(),
        deployment=deployment_id,
        wait_seconds=wait_lock,
        on_wait=lambda error: display.note(f"waiting: {error.message}"),
    )
    with (
        project.opened(place, display.warn, deployment_id, asked) as (provider, target),
        project.database() as database,
        lock,
    ):
        history = History(database, lock.fence)
        for earlier in _killed_before(history, place):
            display.warn(_interrupted_sentence(earlier))
        record = history.begin(
            deployment_id=deployment_id,
            kind=kind,
            fraise=place.fraise,
            environment=place.environment,
            type=place.type,
            provider=place.provider,
            version=version,
            user=operator(),
            configuration=redacted_configuration(place.options),
            fallback=place.is_fallback,
        )
        progress = RecordedProgress(
            display, project.redactor, lambda steps: history.note_steps(deployment_id, steps)
        )
        current = Attempt(record, place, provider, target, history, progress, lock.patience)
        try:
            provider.deployment_started(record)
            yield current
        except BaseException as failure:  # noqa: BLE001 - whatever it is, the history tells it, and it is raised
            current.end_with(failure)


def as_error(failure: BaseException, name: str) -> FraisierError:
    """Return any exception as one of fraisier's."""
    if isinstance(failure, FraisierError):
        return failure
    if isinstance(failure, KeyboardInterrupt):
        by = str(failure) or "Ctrl-C"
        error: FraisierError = InterruptedByUserError(f"{name} was interrupted by {by}")
    else:
        text = " ".join(str(failure).split())
        error = InternalError(f"internal error: {type(failure).__name__}: {text}", hint="rerun with --trace")
    error.__cause__ = failure
    return error


def restated(kind: type[FraisierError], error: FraisierError, message: str, hint: str = "") -> FraisierError:
    """Return an error of another kind that keeps all that the first one knew."""
    new = kind(message, hint=hint or error.hint, problems=error.problems, command=error.command, log=error.log)
    new.__cause__ = error
    return new


@contextmanager
def failing_as_pre_flight() -> Iterator[None]:
    """Tell a target that cannot be asked from one that failed in a deployment: nothing was tried yet."""
    try:
        yield
    except TargetError as error:
        raise restated(PreFlightError, error, f"pre-flight failed: {error.message}") from error


def error_document(error: FraisierError) -> dict[str, Any]:
    """Return an error as the JSON document that the history keeps and `--json` prints."""
    document: dict[str, Any] = {
        "kind": error.kind,
        "code": error.exit_code,
        "message": error.message,
        "problems": error.problems,
    }
    more: Mapping[str, Any] = {
        "step": error.step,
        "command": error.command,
        "hint": error.hint,
        "log": error.log,
    }
    return document | {name: value for name, value in more.items() if value}


def drift(history: History, place: Place, status: Status) -> str:
    """Return how what is in service differs from what the local history recorded, or an empty text."""
    recorded = history.fraise_state(place.fraise, place.environment)
    told = status.release
    if recorded is None or (recorded.provider, recorded.fallback) != (place.provider, place.is_fallback):
        return ""
    if recorded.revision is None or told is None or told.revision == recorded.revision:
        return ""
    return (
        f"the history says {shown(recorded.version, recorded.revision)}, "
        f"the target tells {shown(told.version, told.revision)}"
    )


def shown(version: str | None, revision: str | None) -> str:
    """Return a version with its revision, as messages show them: seven digits of a commit or a digest."""
    short = (revision or "").removeprefix("sha256:")
    if _HEXADECIMAL.fullmatch(short):
        short = short[:7]
    if not version or version == revision:
        return short or "nothing"
    return f"{version} ({short})" if short else version


def _killed_before(history: History, place: Place) -> list[Deployment]:
    """Return the attempts that were killed: those found now, and the newest one if a look has found it before."""
    found = history.close_interrupted(place.fraise, place.environment, holding_lock=True)
    newest = history.recent(fraise=place.fraise, environment=place.environment, limit=1)
    # One that ended by itself has told its end, and knows how long it took.
    killed = [each for each in newest if each.status == "interrupted" and each.duration_seconds is None]
    return found + [each for each in killed if each not in found]


def _interrupted_sentence(earlier: Deployment) -> str:
    message = (earlier.error or {}).get("message", "it ended without a word")
    what = f"{earlier.kind} of {earlier.version}" if earlier.version else earlier.kind
    return (
        f"the {what} begun {earlier.started_at:%Y-%m-%d %H:%M:%S} UTC by {earlier.user} was interrupted: {message}"
    )

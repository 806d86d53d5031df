"""The errors that end a command, each with the exit code and the kind that scripts rely on.

Every message is one line that says what is wrong and where; `hint` says what to do. Only the CLI prints them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fraisier.contract.models import Deployment


class FraisierError(Exception):
    """The root of all errors that fraisier raises on purpose; never raised itself.

    Args:
        message: what is wrong and where, one line, lower case, without a full stop.
        hint: the next step, as a command where there is one.
        problems: the single findings, when there can be several (configuration, pre-flight).
        command: the command or request that failed, without secrets.
        log: the last lines of the service's or the command's own output.
    """

    kind: ClassVar[str]
    """The stable name in JSON documents."""

    exit_code: ClassVar[int]
    """The stable exit code of the command line."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        problems: Sequence[str] = (),
        command: str = "",
        log: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.problems = _lines(problems)
        self.command = command
        self.log = _lines(log)
        self.step = ""
        self.deployment: Deployment | None = None

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


def _lines(given: Sequence[str]) -> list[str]:
    """Return lines as a list; one text of several lines is an easy mistake that type checkers do not see."""
    return given.splitlines() if isinstance(given, str) else list(given)


class InternalError(FraisierError):
    """A defect of fraisier itself."""

    kind = "internal"
    exit_code = 1


class UsageError(FraisierError):
    """The command line asks for something that cannot be."""

    kind = "usage"
    exit_code = 2


class ConfigError(FraisierError):
    """`fraises.yaml`, a value in it or a reference from it is wrong; `problems` lists every finding."""

    kind = "configuration"
    exit_code = 3


class DeploymentLockedError(FraisierError):
    """Somebody else is deploying the same fraise, here or on the target; the message says who and since when."""

    kind = "locked"
    exit_code = 4


class TargetChangedError(DeploymentLockedError):
    """Somebody else changed the target after it was looked at and before its lock was ours; core looks again."""


class LeaseLostError(DeploymentLockedError):
    """This process held the lock, slept past its lease, and somebody else has it now: it must not write."""

    kind = "lease_lost"


class PreFlightError(FraisierError):
    """The target is not ready; `problems` lists the failed checks. Nothing was changed."""

    kind = "pre_flight"
    exit_code = 5


class TargetError(FraisierError):
    """A command or request failed at the target. This is what providers raise.

    Raised out of `deploy`, it makes core look at what is in service: the old version (exit code 6) or not (it
    is brought back, exit code 8).
    """

    kind = "target"
    exit_code = 6


class DeploymentFailedError(FraisierError):
    """The deployment failed and the version that was in service before still is."""

    kind = "deployment_failed"
    exit_code = 6


class UnhealthyError(FraisierError):
    """The service is deployed and does not pass its health check."""

    kind = "unhealthy"
    exit_code = 7


class RolledBackError(FraisierError):
    """The deployment failed and the version that was in service before is back."""

    kind = "rolled_back"
    exit_code = 8


class RollbackFailedError(FraisierError):
    """The service could not be brought back to an earlier version."""

    kind = "rollback_failed"
    exit_code = 9


class ProviderError(FraisierError):
    """A provider is missing, offered twice, breaks the contract, or failed with an error of its own."""

    kind = "provider"
    exit_code = 10


class Unsupported(ProviderError):  # noqa: N818 - the word that authors write: raise Unsupported("why")
    """This provider cannot do what was asked; the message says why."""

    kind = "unsupported"


class InterruptedByUserError(FraisierError):
    """Ctrl-C or SIGTERM ended the operation."""

    kind = "interrupted"
    exit_code = 130

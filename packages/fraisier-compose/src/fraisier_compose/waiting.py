"""Waiting for containers: a poll of our own, since Compose would wait for jobs that have ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from fraisier import Progress, TargetError

from fraisier_compose import containers
from fraisier_compose.containers import Container
from fraisier_compose.docker import Docker

RESTARTS: Final = 2
"""A container that is restarted this often has failed."""
WATCHED: Final = 2.0
"""Seconds for which a container is watched whose health nobody checks."""
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_SHARE: Final = 0.1
"""Of the time that was waited: so late at most is noticed what has happened."""


def wait(
    docker: Docker, started: Sequence[Container], timeout: float, *, watch: bool, progress: Progress
) -> list[Container]:
    """Wait until containers run and are healthy, or have done their job.

    Args:
        docker: the engine.
        started: the containers as they were just started.
        timeout: seconds for all of them.
        watch: whether those without a health check of their own are watched for a while.
        progress: hears what is waited for.

    Raises:
        FailedContainersError: one of them failed, or the time is over.
    """
    begun = time.monotonic()
    found, said = list(started), ""
    while True:
        waited = time.monotonic() - begun
        failed = {each.title: each for each in found if _failure(each)}
        if failed:
            sentence = ", and ".join(f"{title} {_failure(each)}" for title, each in failed.items())
            raise FailedContainersError(list(failed.values()), sentence)
        pending = [
            each for each in found if not _is_well(each, (watch or each.restart_count > 0) and waited < WATCHED)
        ]
        if not pending and len(found) == len(started):
            return found
        text = ", ".join(f"{each.title} is {each.sentence}" for each in pending)
        if text != said:
            progress.line(text)
            said = text
        if waited >= timeout:
            raise FailedContainersError(pending, f"after {timeout:g} s {text or 'a container is gone'}")
        time.sleep(min(max(_FIRST_PAUSE, waited * _SHARE), _LONGEST_PAUSE, timeout - waited))
        found = containers.inspect(docker, [each.id for each in started])


class FailedContainersError(TargetError):
    """Containers that do not come to run; they are there to be asked for their logs."""

    def __init__(self, failed: Sequence[Container], message: str) -> None:
        super().__init__(message)
        self.failed = failed


def _failure(container: Container) -> str:
    """Return why a container that was just started has failed, or an empty text."""
    if container.restart_count >= RESTARTS:
        code = container.state.exit_code
        how = f"exited with code {code}, and " if code else ""
        return f"{how}was restarted {container.restart_count} times"
    return container.failure


def _is_well(container: Container, watched: bool) -> bool:
    if container.state.status == "running":
        return container.health == "healthy" or (container.health == "none" and not watched)
    return container.is_done

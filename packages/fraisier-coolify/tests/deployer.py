"""The hooks of the provider on a target of the stand-in, each called as an operation of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from fraisier import Check, Deployed, Health, HealthCheck, Release, Secret, Session, Status, Target
from fraisier.testing import RecordingProgress
from fraisier_coolify import hooks

from .standin.coolify import Coolify
from .standin.world import Application, Service

POLL = 0.02


class Deployer:
    """Deploys one application or service, or whatever the options name."""

    def __init__(self, coolify: Coolify, of: Application | Service | None, folder: Path, **options: Any) -> None:
        self.progress = RecordingProgress()
        self.health_check: HealthCheck | None = None
        self.verbose = False
        self._folder = folder
        self.options: dict[str, Any] = {
            "url": coolify.url,
            "api_key": Secret(coolify.token),
            "poll_interval": POLL,
            "settle_timeout": 2.0,
            "timeout": 20,
            **named(of),
            **options,
        }

    @contextmanager
    def target(self) -> Iterator[Target]:
        """Give the target, whose connections are closed afterwards."""
        with Session() as session:
            yield Target(
                fraise="shop",
                environment="production",
                provider="coolify",
                options=self.options,
                folder=self._folder,
                session=session,
                health_check=self.health_check,
                verbose=self.verbose,
            )

    def deploy(self, version: str | None = None, *, force: bool = False) -> Deployed:
        with self.target() as target:
            return hooks.deploy(target, Release(version=version, force=force), self.progress)

    def roll_back(self, to: Deployed | Release) -> Deployed:
        release = Release(version=to.version, revision=to.revision, details=to.details)
        with self.target() as target:
            return hooks.rollback(target, release, self.progress)

    def status(self) -> Status:
        with self.target() as target:
            return hooks.status(target)

    def health(self) -> Health:
        with self.target() as target:
            return hooks.health(target)

    def logs(self, lines: int, since: datetime | None = None) -> list[str]:
        with self.target() as target:
            return list(hooks.logs(target, lines, False, since))

    def checks(self) -> dict[str, Check]:
        with self.target() as target:
            return {check.name: check for check in hooks.pre_flight(target)}

    def said(self, text: str) -> bool:
        """Tell whether a line of the progress holds a text."""
        return any(text in line for line in self.progress.lines)


class Once(RecordingProgress):
    """Does something when a line comes for the first time that holds a text."""

    def __init__(self, text: str, do: Callable[[], object]) -> None:
        super().__init__()
        self._text = text
        self._do = do
        self._done = False

    def line(self, text: str) -> None:
        super().line(text)
        if self._text in text and not self._done:
            self._done = True
            self._do()


def interrupt() -> None:
    raise KeyboardInterrupt


def named(of: Application | Service | None) -> dict[str, Any]:
    if of is None:
        return {}
    if isinstance(of, Service):
        return {"service": of.uuid, "version_by": "env:TAG"}
    return {"application": of.uuid}

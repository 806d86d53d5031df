"""One target within one operation: its engine, its file, its guard; the session closes it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

from fraisier import ConfigError, Target

from fraisier_compose import compose_file, containers, engine
from fraisier_compose.compose_file import ComposeFile
from fraisier_compose.containers import Container
from fraisier_compose.docker import Docker
from fraisier_compose.engine import Engine
from fraisier_compose.guard import Guard
from fraisier_compose.options import Options
from fraisier_compose.override import Override
from fraisier_compose.unfinished import Unfinished

_FRESH: Final = 1.0
"""Seconds for which what was found counts."""


class Project:
    """What the hooks share of a target."""

    def __init__(self, target: Target, options: Options) -> None:
        self.options = options
        self.docker = Docker(options, target.folder)
        self._target = target
        self._guards: list[Guard] = []
        self._engine: Engine | None = None
        self._found: list[Container] | None = None
        self._found_at = 0.0

    @property
    def name(self) -> str:
        """The Compose project."""
        return self.options.project_name or self.file.name

    @cached_property
    def file(self) -> ComposeFile:
        """The user's file with the version that is asked for; one that insists on a version is given any."""
        try:
            return self.file_with(self._target.version)
        except ConfigError as error:
            if self.options.version_variable not in error.message:
                raise
            return self._file_for_any

    def file_with(self, version: str | None) -> ComposeFile:
        """Return the user's file with a version put in, or with none, where it may not insist on one."""
        if version is None:
            return self._file_without
        return compose_file.with_version(self._file_for_any, version)

    @cached_property
    def _file_without(self) -> ComposeFile:
        return compose_file.read(self.docker, self.options, None)

    @cached_property
    def _file_for_any(self) -> ComposeFile:
        return compose_file.read_for_any(self.docker, self.options)

    @property
    def engine(self) -> Engine:
        """What the engine and the docker command tell of themselves."""
        if self._engine is None:
            self._engine = engine.read(self.docker)
        return self._engine

    @property
    def override(self) -> Override:
        """The override file."""
        return Override(self._path(".yaml"))

    @cached_property
    def _unfinished(self) -> Unfinished:
        return Unfinished(self._path(".lock"))

    def _path(self, suffix: str) -> Path:
        """Return a file of ours beside `fraises.yaml`."""
        name = f"{self.name}.{'+'.join(self.options.services)}{suffix}"
        return self._target.folder / ".fraisier" / "compose" / name

    def variables(self, version: str) -> Mapping[str, str]:
        """Return what the file is given of a version."""
        return {self.options.version_variable: version}

    def look(self, *, again: bool = True, timeout: float | None = None) -> list[Container]:
        """Return the containers of the services.

        Args:
            again: False: what was found within the last second will do, if we have changed nothing since.
            timeout: seconds for each question.
        """
        found, self._found = self._found, None
        self._unfinished.wait(self.options.wait_timeout)
        if found is None or again or time.monotonic() - self._found_at > _FRESH:
            found = containers.of_project(self.docker, self.name, self.options.services, timeout)
        return found

    def remember(self, found: list[Container]) -> None:
        """Keep what was found for the hook that comes next."""
        self._found, self._found_at = found, time.monotonic()

    def guard(self, target: Target) -> None:
        """Hold the services against other deployments until the operation ends.

        Raises:
            DeploymentLockedError: somebody else holds one of them.
        """
        self._found = None
        for guard in self._guards:
            guard.hold()
        if self._guards:
            return
        try:
            for service in sorted(self.options.services):
                self._guards.append(Guard(self.docker, self.name, service, target))
            self._unfinished.wait(self.options.wait_timeout)
            self.docker.inherited.append(self._unfinished.hold())
        except BaseException:
            self._release()
            raise

    def close(self) -> None:
        """Give back what was held."""
        self._release()
        self.docker.close()

    def _release(self) -> None:
        while self._guards:
            self._guards.pop().close()
        self._unfinished.free()


def project_of(target: Target, options: Options) -> Project:
    """Return the target of this operation, which its hooks share."""
    return target.session.get(f"docker_compose:{options!r}", lambda: Project(target, options))

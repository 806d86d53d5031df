"""What all ways of setting a version have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from fraisier import Release, TargetError

from fraisier_coolify.api import segment
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.resources import SETTINGS, Application, Row, read

Settings = Mapping[str, str | None]


class Way(ABC):
    """How the versions of one application are set, and told."""

    forces: ClassVar[bool] = False
    """Whether Coolify may take another version for the same one, so that `force` has to be said."""
    builds: ClassVar[bool] = True
    """Whether a revision is a commit that Coolify builds."""

    def __init__(self, coolify: Coolify, application: Application) -> None:
        self.coolify = coolify
        self.application = application
        """As it was read last."""

    @abstractmethod
    def settings(self, version: str | None) -> Settings:
        """Return the settings for a version; None is what is configured, or the newest of it.

        Raises:
            TargetError: that is no version.
        """

    @abstractmethod
    def release(self, row: Row) -> Release:
        """Return what a finished deployment has put in service, with its settings in `details`."""

    @abstractmethod
    def revision(self, version: str | None) -> str | None:
        """Return the one thing that a version means; None where only deploying tells."""

    def settings_back(self, release: Release) -> Settings:
        """Return the settings with which a release comes back.

        Raises:
            TargetError: nothing of ours is recorded like that.
        """
        given = release.details.get("settings")
        return {name: given[name] for name in SETTINGS if name in given} if isinstance(given, Mapping) else {}

    def release_in_service(self, rows: Sequence[Row]) -> Release | None:
        """Return what the newest deployment that succeeded has put in service."""
        return next((self.release(row) for row in rows if row.status == "finished"), None)

    def earlier(self, rows: Sequence[Row]) -> list[Release]:
        """Return what was in service before, newest first, as far as the deployments tell."""
        now, *before = [self.release(row) for row in rows if row.status == "finished"] or [Release()]
        found = {each.revision: each for each in reversed(before) if each.revision != now.revision}
        return list(reversed(found.values()))

    def apply(self, version: str | None, settings: Settings) -> None:
        """Write what says the version, and read back that it stands there."""
        self._write({name: value for name, value in settings.items() if getattr(self.application, name) != value})

    def put_back(self, before: Application) -> None:
        """Write the settings as they were, after a deployment that came to nothing."""
        self.read()
        now = self.application.settings
        self._write({name: value for name, value in before.settings.items() if now[name] != value})

    def finished(self, version: str | None, revision: str | None, row: Row) -> Release:
        """Return what a deployment has put in service, held to what was asked.

        Raises:
            TargetError: it is something else.
        """
        self.read()
        release = self.release(row)
        if revision is not None and release.revision != revision:
            message = f"{release.revision} was deployed in place of {revision}"
            raise TargetError(message, hint="see who else deploys this application")
        return release

    def read(self) -> None:
        """Read the application anew."""
        told = self.coolify.client.object(self._path)
        self.application = read(Application, told)

    @property
    def _path(self) -> str:
        return f"/applications/{segment(self.application.uuid)}"

    def _write(self, settings: Settings) -> None:
        if not settings:
            return
        self.coolify.client.patch(self._path, settings)
        self.read()
        wrong = [name for name, value in settings.items() if getattr(self.application, name) != value]
        if wrong:
            found = getattr(self.application, wrong[0])
            message = f'Coolify took {wrong[0]} "{settings[wrong[0]]}" and has "{found}"'
            raise TargetError(message, hint="see who else changes this application")

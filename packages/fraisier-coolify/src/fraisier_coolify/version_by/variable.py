"""`version_by: env:NAME`: a variable that holds the version, such as `image: acme/shop:${SHOP_VERSION}`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from fraisier import Release, TargetError

from fraisier_coolify.coolify import Coolify
from fraisier_coolify.environment import Variables
from fraisier_coolify.resources import Application, Row
from fraisier_coolify.version_by.way import Settings, Way

LEDGER: Final = "FRAISIER_RELEASES"
"""The variable that keeps which versions were put in service: `VERSION=MARK`, newest first."""
_KEPT: Final = 5
_VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@/+-]{0,199}")


class Entry(NamedTuple):
    """A version that was put in service, and by what: the uuid of a deployment, or the time of a start."""

    version: str
    mark: str


def checked(version: str) -> str:
    """Return a version that can stand in a variable and in the ledger.

    Raises:
        TargetError: it cannot.
    """
    if not _VERSION.fullmatch(version):
        hint = "a version in a variable holds letters, digits, and _ . : @ / + -"
        raise TargetError(f'"{version}" is no version', hint=hint)
    return version


def entries(variables: Variables) -> list[Entry]:
    """Return the ledger, newest first; what is no entry of ours is left out."""
    found = [word.partition("=") for word in (variables.value(LEDGER) or "").split()]
    return [Entry(version, mark) for version, _, mark in found if _VERSION.fullmatch(version) and mark]


def note(variables: Variables, version: str, mark: str) -> None:
    """Write down that a version was put in service; the containers of an application do not see it."""
    kept = [Entry(version, mark), *(each for each in entries(variables) if each.version != version)][:_KEPT]
    text = " ".join(f"{each.version}={each.mark}" for each in kept)
    variables.set({LEDGER: text}, is_literal=True, is_runtime=False, is_buildtime=False)


def recorded(version: str) -> Release:
    """Return a version as a release; it is its own revision."""
    return Release(version=version, revision=version)


def version_back(release: Release) -> str:
    """Return the version of a release to go back to.

    Raises:
        TargetError: nothing of ours is recorded like that.
    """
    if release.version is None or release.version != release.revision:
        message = f'no version of ours is recorded as "{release.revision}"'
        raise TargetError(message, hint="deploy a version: fraisier deploy --version V")
    return checked(release.version)


class ByVariable(Way):
    """Sets a variable of an application."""

    # Coolify compares commits only, so a new value alone is a duplicate to it.
    forces = True
    builds = False

    def __init__(self, coolify: Coolify, application: Application, name: str) -> None:
        super().__init__(coolify, application)
        self._name = name
        self._read: Variables | None = None
        self._before: str | None = None

    @property
    def variables(self) -> Variables:
        """The application's variables, read when they are first asked for."""
        if self._read is None:
            self._read = Variables(self.coolify, self.application)
        return self._read

    def settings(self, version: str | None) -> Settings:
        """Look at the version; no setting holds it."""
        if version is not None:
            checked(version)
        return {}

    def release(self, row: Row) -> Release:
        """Return the version that the ledger has for a deployment, or the one that is set."""
        noted = {each.mark: each.version for each in entries(self.variables)}
        return recorded(noted.get(row.deployment_uuid) or self.variables.value(self._name) or "")

    def earlier(self, rows: Sequence[Row]) -> list[Release]:
        """Return what the ledger has besides the version in service."""
        now = self.release_in_service(rows) or Release()
        return [recorded(each.version) for each in entries(self.variables) if each.version != now.version]

    def revision(self, version: str | None) -> str | None:
        """Return the version itself: it is taken for what never moves, but for the one that is made to."""
        return None if version == "latest" else version

    def settings_back(self, release: Release) -> Settings:
        """Look at the version; no setting holds it."""
        version_back(release)
        return {}

    def apply(self, version: str | None, settings: Settings) -> None:
        """Set the variable."""
        self._before = self.variables.value(self._name)
        if version is not None:
            self.variables.set({self._name: version})

    def put_back(self, before: Application) -> None:
        """Set the variable to what it was."""
        if self._before is not None:
            self.variables.set({self._name: self._before})

    def finished(self, version: str | None, revision: str | None, row: Row) -> Release:
        """Write down what was put in service."""
        self.read()
        version = version or self.variables.value(self._name) or ""
        note(self.variables, version, row.deployment_uuid)
        return recorded(version)

"""Which version of Coolify can do what: the one table, and the order of versions.

Facts from Coolify's source up to 4.3.11 and from its issues; each line has a test against the stand-in, at
versions on both sides of it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_FORM = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:-(?:beta|rc)\.?(\d+))?")
_RELEASED: Final = 1_000_000
"""Where a pre-release has its number; no pre-release comes near it."""

Order = tuple[int, int, int, int]


class Feature(NamedTuple):
    """What some versions can do, and what that means for a deployment."""

    ranges: tuple[tuple[str, str], ...]
    """Each from a version on, up to and without another; an empty text is open."""
    meaning: str
    """For the manual."""


FEATURES: Final[dict[str, Feature]] = {
    "deploys": Feature(
        (("4.0.0-beta.445", ""),),
        "deployments are queued, followed, cancelled, and told with `state:health`",
    ),
    "follows_by_uuid": Feature(
        (("", "4.0.0-beta.464"), ("4.0.0-beta.468", "")),
        "a deployment is followed by its uuid; without, through the application's list",
    ),
    "builds_the_pin": Feature(
        (("4.2.0", ""),),
        "`version_by: commit`: a pinned commit is what is built, and what the deployment tells",
    ),
    "rolls_back": Feature(
        (("4.3.0", ""),),
        "a kept build is brought back without building it again",
    ),
    "cancels_cleanly": Feature(
        (("", "4.1.0"), ("4.3.7", "")),
        "a cancelled deployment answers so; without, it answers 500 and is cancelled all the same",
    ),
    "log_times": Feature(
        (("4.2.0", ""),),
        "`fraisier logs --since`: the log of an application comes with times",
    ),
    "service_logs": Feature(
        (("4.2.0", ""),),
        "`fraisier logs` of a service",
    ),
}

OLDEST: Final = "4.0.0-beta.445"
NEWEST: Final = "4.3.11"
"""The newest version that this provider was tried against; later ones are taken to be like it."""


def order(text: str) -> Order | None:
    """Return what versions are ordered by, a pre-release before its release; None for what is no version."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    major, minor, patch, before = found.groups()
    return int(major), int(minor), int(patch or 0), _RELEASED if before is None else int(before)


class Version:
    """One version of Coolify, as it tells it of itself; what is no version is taken for the newest."""

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())[:40]
        self._order = order(self.text)

    def __str__(self) -> str:
        return self.text or "of an unknown version"

    def can(self, feature: str) -> bool:
        """Tell whether this version has a line of the table."""
        own = self._order or _order_of(NEWEST)
        return any(
            (not since or own >= _order_of(since)) and (not until or own < _order_of(until))
            for since, until in FEATURES[feature].ranges
        )

    @property
    def warning(self) -> str:
        """What a person should know who deploys with a version that nobody has tried; empty for the others."""
        if self._order is None:
            return f'"{self.text}" is no version that fraisier knows; it is taken to be like {NEWEST}'
        if self._order > _order_of(NEWEST):
            return f"{self.text} is newer than {NEWEST}, the newest that was tried; it is taken to be like it"
        return ""


def since(feature: str) -> str:
    """Return the version that can do it for good, for the hint of a refusal."""
    return next(since for since, until in FEATURES[feature].ranges if not until)


def _order_of(text: str) -> Order:
    found = order(text)
    if found is None:
        raise ValueError(f"{text!r} in the table of versions is no version")
    return found

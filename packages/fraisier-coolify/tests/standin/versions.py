"""What differs between versions of Coolify: the one table of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

OFFERED: Final = ("4.0.0-beta.470", "4.1.2", "4.2.0", "4.3.0", "4.3.11")
"""What the tests run against; other versions from 4.0.0-beta.461 on work as well."""
NEWEST: Final = OFFERED[-1]

FEATURES: Final[dict[str, list[tuple[str, str]]]] = {
    # Each from a version on, up to but without another; "" is open.
    "deployment_route_broken": [("4.0.0-beta.464", "4.0.0-beta.468")],
    "pin_is_built": [("", "4.0.0-beta.464"), ("4.2.0", "")],
    "row_tells_the_pin": [("4.2.0", "")],
    "docker_tag": [("4.0.0-beta.471", "")],
    "compose_creates_service": [("", "4.1.0")],
    "cancel_answers_500": [("4.1.0", "4.3.7")],
    "cancel_starts_the_next": [("4.3.7", "")],
    "roles": [("4.1.2", "")],
    "strict_image_names": [("4.1.2", "")],
    "get_actions": [("", "4.2.0")],
    "application_settings": [("4.2.0", "")],
    "log_timestamps": [("4.2.0", "")],
    "service_logs": [("4.2.0", "")],
    "service_applications": [("4.2.0", "")],
    "nested_secrets": [("", "4.2.0")],
    "rollback": [("4.3.0", "")],
    "application_destinations": [("4.3.0", "")],
    "team_route": [("4.3.0", "")],
    # Merged after the last version of the facts sheet.
    "image_rollback_honours_the_tag": [("4.3.12", "")],
}


@dataclass(frozen=True)
class Version:
    """One version of Coolify, as it tells it of itself."""

    text: str

    def __str__(self) -> str:
        return self.text

    def has(self, feature: str) -> bool:
        """Tell whether this version has a line of the table."""
        own = order(self.text)
        return any(
            (not since or order(since) <= own) and (not until or own < order(until))
            for since, until in FEATURES[feature]
        )


def order(text: str) -> tuple[int, int, int, int]:
    """Return what versions are ordered by: a beta comes before its release."""
    found = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?(?:-(?:beta|rc)\.(\d+))?", text)
    if found is None:
        raise ValueError(f"{text!r} is no version of Coolify; try {', '.join(OFFERED)}")
    major, minor, patch, before = found.groups()
    return int(major), int(minor), int(patch or 0), int(before) if before else 10**9

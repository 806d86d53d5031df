"""The variables of an application or a service: read, merged, and written with all that Coolify would forget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fraisier_coolify.api import Object, segment
from fraisier_coolify.coolify import Coolify
from fraisier_coolify.resources import Application, Resource

_FLAGS: Final = ("is_literal", "is_multiline", "is_shown_once", "is_runtime", "is_buildtime")
_UNREAD: Final = object()
_FRESH: Final = {
    "is_literal": False,
    "is_multiline": False,
    "is_shown_once": False,
    "is_runtime": True,
    "is_buildtime": True,
}


class Variables:
    """The production variables; the twins that Coolify makes for previews are left alone."""

    def __init__(self, coolify: Coolify, resource: Resource) -> None:
        self._client = coolify.client
        kind = "applications" if isinstance(resource, Application) else "services"
        self._path = f"/{kind}/{segment(resource.uuid)}/envs"
        found = self._client.list(self._path)
        self._rows = {str(each.get("key")): each for each in found if not each.get("is_preview")}

    @property
    def shows_values(self) -> bool:
        """Whether the token may read values; without any variable to see, it is taken to."""
        readable = [each for each in self._rows.values() if not each.get("is_shown_once")]
        return not readable or any("value" in each for each in readable)

    def value(self, key: str) -> str | None:
        """Return the value of a variable; None where there is none, or the token may not read it."""
        found = self._rows.get(key, {}).get("value")
        return None if found is None else str(found)

    def set(self, values: Mapping[str, str | None], **flags: bool) -> None:
        """Write the values that differ from those that are there; what is there keeps its flags.

        Args:
            values: by name.
            flags: of variables that are new.
        """
        changed = [self._item(key, values[key], flags) for key in self.differing(values)]
        if changed:
            # Upserts, and is not partial: a flag that is left out becomes false, or fails.
            self._client.patch(f"{self._path}/bulk", {"data": changed})
            self._rows |= {str(each["key"]): {**self._rows.get(str(each["key"]), {}), **each} for each in changed}

    def differing(self, values: Mapping[str, str | None]) -> list[str]:
        """Return the names whose values are not there, or cannot be read."""
        return [key for key, value in values.items() if self._rows.get(key, {}).get("value", _UNREAD) != value]

    def _item(self, key: str, value: str | None, flags: Mapping[str, bool]) -> dict[str, Any]:
        row: Object = self._rows.get(key) or {**_FRESH, **flags}
        kept = {name: bool(row[name]) for name in _FLAGS if row.get(name) is not None}
        return {**kept, "key": key, "value": value, "is_preview": False, "is_multiline": _is_multiline(row, value)}


def _is_multiline(row: Object, value: str | None) -> bool:
    return bool(row.get("is_multiline")) or "\n" in (value or "")

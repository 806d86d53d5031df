"""What Coolify's answers hold, whatever their shape: JSON, text called HTML, lists wrapped or as objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def decoded(content_type: str, body: bytes) -> Any:
    """Return the JSON value of a body, or its text where it is none.

    Raises:
        ValueError: it is called JSON and is not: it was cut, or a proxy had its hands in it.
    """
    text = body.decode("utf-8", "replace")
    if "json" in content_type.lower():
        return json.loads(text) if text.strip() else None
    return text.strip()


def items(value: Any, wrapper: str = "") -> list[Mapping[str, Any]]:
    """Return the objects of a list, which may come bare, wrapped, or as an object keyed by index.

    Args:
        value: a decoded answer.
        wrapper: the key that holds the list where it is wrapped.

    Raises:
        ValueError: it is no list in any of these forms.
    """
    if isinstance(value, Mapping) and wrapper and isinstance(value.get(wrapper), list | Mapping):
        value = value[wrapper]
    if isinstance(value, Mapping) and all(str(key).isdigit() for key in value):
        value = list(value.values())
    if not isinstance(value, list):
        raise ValueError(f"expected a list, got {type(value).__name__}")  # noqa: TRY004 - it is data
    return [each for each in value if isinstance(each, Mapping)]

"""Spans of time as a person types them: `90`, `90s`, `15m`, `1h30m`, `2d`."""

from __future__ import annotations

import re
from typing import Final

from fraisier.contract.errors import UsageError

_SECONDS: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d{1,9}d)?(?:\d{1,9}h)?(?:\d{1,9}m)?(?:\d{1,9}s?)?", re.ASCII)
_PART = re.compile(r"(\d+)([dhms]?)", re.ASCII)


def parse_duration(text: str) -> float:
    """Return the seconds in a text, or raise UsageError."""
    wanted = text.strip()
    if not wanted or _DURATION.fullmatch(wanted) is None:
        raise UsageError(f"{text!r} is not a duration", hint="write it like 90s, 15m, 1h30m or 2d")
    return float(sum(int(number) * _SECONDS[unit or "s"] for number, unit in _PART.findall(wanted)))

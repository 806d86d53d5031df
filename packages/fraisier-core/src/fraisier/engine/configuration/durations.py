"""Spans of time and moments as a person types them: `90`, `90s`, `15m`, `1h30m`, `2d`; `2026-11-23T10:00`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
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


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment in a text, in UTC, or raise UsageError: so long before `now`, or a date and time.

    A date without a zone is UTC, as all times that are printed.
    """
    wanted = text.strip()
    try:
        if wanted and _DURATION.fullmatch(wanted):
            return now.astimezone(UTC) - timedelta(seconds=parse_duration(wanted))
        moment = datetime.fromisoformat(wanted)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        hint = "such as 15m, 2d, 2026-11-23 or 2026-11-23T10:00"
        raise UsageError(f'--since "{text}" is neither a time nor a duration', hint=hint) from None

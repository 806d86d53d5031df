"""Spans of time and moments as a person types them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fraisier.contract.errors import UsageError
from fraisier.engine.configuration.durations import parse_duration, parse_moment


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1d2h3m4s", 93784),
        ("1h30", 3630),
        ("0", 0),
        (" 5m ", 300),
    ],
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-5", "1.5h", "5 m", "1m1h", "5x", "١٢", "9" * 5000, "1h\n2"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration(text)
    assert str(caught.value) == f"{text!r} is not a duration; write it like 90s, 15m, 1h30m or 2d"


NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90", NOW - timedelta(seconds=90)),
        ("1h30m", datetime(2026, 11, 23, 11, tzinfo=UTC)),
        ("2d", NOW - timedelta(days=2)),
        ("2026-11-23T10:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23 10:00:05+02:00", datetime(2026, 11, 23, 8, 0, 5, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
    ],
)
def test_a_moment_is_so_long_ago_or_a_date(text: str, moment: datetime) -> None:
    found = parse_moment(text, NOW)
    assert (found, found.tzinfo) == (moment, UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "-5m", "2026-13-01", "10:00", "999999999d", "0001-01-01T00:00+14:00"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_moment(text, NOW)
    assert str(caught.value) == (
        f'--since "{text}" is neither a time nor a duration; such as 15m, 2d, 2026-11-23 or 2026-11-23T10:00'
    )

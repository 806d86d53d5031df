"""Spans of time as a person types them."""

from __future__ import annotations

import pytest
from fraisier.contract.errors import UsageError
from fraisier.engine.configuration.durations import parse_duration


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
